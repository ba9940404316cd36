import { AmphoraError } from '../../lib/errors.ts';
import { PROTOBUF } from '../body/decode.ts';

/** How the answer is written and in which shape. */
export interface Format {
  readonly encoding: 'json' | 'yaml' | 'protobuf';
  readonly shape: 'object' | 'table' | 'partial';
}

const MAX_CLAUSES = 32;

interface Clause {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly quality: number;
}

/**
 * Picks what the client likes best and we can write. JSON is taken wherever it is accepted at all, even behind
 * protobuf, because it is what is stored: it is sent without being parsed.
 * @throws NotAcceptable
 */
export function negotiate(accept: string | undefined, options: { protobuf: boolean }): Format {
  const clauses = parse(accept ?? '*/*');
  const formats = clauses.map((clause) => formatOf(clause, options)).filter((format) => format !== undefined);
  const [best] = formats;
  if (best === undefined) throw notAcceptable();
  if (best.encoding === 'protobuf')
    return formats.find(({ encoding, shape }) => encoding === 'json' && shape === best.shape) ?? best;
  return best;
}

/** Whether the client asks for one of the aggregated discovery documents; the version it wants. */
export function acceptsAggregated(accept: string | undefined): boolean {
  return parse(accept ?? '').some(
    ({ type, parameters }) =>
      type === 'application/json' &&
      parameters.g === 'apidiscovery.k8s.io' &&
      parameters.v === 'v2' &&
      parameters.as === 'APIGroupDiscoveryList',
  );
}

function formatOf({ type, parameters }: Clause, options: { protobuf: boolean }): Format | undefined {
  const encoding = encodingOf(type, options);
  if (encoding === undefined) return undefined;
  if (parameters.as === undefined) return { encoding, shape: 'object' };
  if (parameters.g !== 'meta.k8s.io' || parameters.v !== 'v1' || encoding === 'protobuf') return undefined;
  if (parameters.as === 'Table') return { encoding, shape: 'table' };
  return parameters.as === 'PartialObjectMetadata' || parameters.as === 'PartialObjectMetadataList'
    ? { encoding, shape: 'partial' }
    : undefined;
}

function encodingOf(type: string, options: { protobuf: boolean }): Format['encoding'] | undefined {
  if (type === 'application/json' || type === '*/*' || type === 'application/*') return 'json';
  if (type === 'application/yaml') return 'yaml';
  return type === PROTOBUF && options.protobuf ? 'protobuf' : undefined;
}

function parse(header: string): Clause[] {
  const clauses = header.split(',', MAX_CLAUSES).map((text) => {
    const [type = '', ...rest] = text.split(';').map((part) => part.trim());
    const parameters: Record<string, string> = Object.fromEntries(
      rest.map((part) => {
        const at = part.indexOf('=');
        return at < 0 ? [part, ''] : [part.slice(0, at).toLowerCase(), part.slice(at + 1)];
      }),
    );
    const quality = Number(parameters.q ?? 1);
    return { type: type.toLowerCase(), parameters, quality: Number.isFinite(quality) ? quality : 1 };
  });
  return clauses.filter(({ quality }) => quality > 0).sort((a, b) => b.quality - a.quality);
}

export function notAcceptable(): AmphoraError {
  const types = ['application/json', 'application/yaml', PROTOBUF].join(', ');
  return new AmphoraError('NotAcceptable', `only the following media types are accepted: ${types}`);
}
