import { apiVersionOf, type Kind } from '../../api/kind.ts';
import type { WatchEvent } from '../../registry/registry.ts';
import type { Format } from '../negotiate/accept.ts';

interface Typed {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: object;
  readonly [field: string]: unknown;
}

/** What a bookmark carries: how far the watch has got, in the shape of its other events. */
export function bookmarkObject(
  kind: Kind,
  event: Extract<WatchEvent, { type: 'BOOKMARK' }>,
  { shape, encode }: { shape: Format['shape']; encode: (list: Typed) => Uint8Array },
): Typed {
  const metadata = {
    resourceVersion: String(event.revision),
    creationTimestamp: null,
    ...(event.initialEventsEnd ? { annotations: endOfInitial(encode(emptyList(kind, shape))) } : {}),
  };
  const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
  if (shape === 'object') return { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata };
  if (shape === 'partial') return partial;
  const { resourceVersion } = metadata;
  const rows = [{ cells: [], object: partial }];
  return { ...TABLE, metadata: { resourceVersion }, columnDefinitions: null, rows };
}

const TABLE = { kind: 'Table', apiVersion: 'meta.k8s.io/v1' };

/** The second one is for clients that put a list together from events: what an empty list looks like. */
function endOfInitial(list: Uint8Array): Record<string, string> {
  return {
    'k8s.io/initial-events-end': 'true',
    'kubernetes.io/initial-events-list-blueprint': Buffer.from(list).toString('base64'),
  };
}

function emptyList(kind: Kind, shape: Format['shape']): Typed {
  const metadata = {};
  if (shape === 'table') return { ...TABLE, metadata, columnDefinitions: null, rows: [] };
  const type =
    shape === 'object'
      ? { kind: kind.listKind, apiVersion: apiVersionOf(kind) }
      : { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' };
  return { ...type, metadata, items: [] };
}
