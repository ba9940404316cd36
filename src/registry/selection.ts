import { type FieldSelector, matchesFields, parseFieldSelector } from '../api/field-selector.ts';
import { isJsonObject } from '../api/json.ts';
import type { Kind } from '../api/kind.ts';
import {
  formatSelector as formatRequirements,
  fromLabelSelector,
  type LabelSelector,
  matchesLabels,
  parseLabelSelector,
  type Selector,
} from '../api/label-selector.ts';
import type { StoreKey } from '../store/store.ts';
import { convert } from './conversion.ts';
import type { SelectableBytes } from './object-bytes.ts';

export interface Selection {
  /** Reads labels and the key without a parse; only other fields need the object. */
  matches(bytes: SelectableBytes, key: StoreKey): boolean;
  /** The one name that is selected, if it is one. */
  readonly name: string | undefined;
}

const KEY_PATHS: ReadonlySet<string> = new Set(['metadata.name', 'metadata.namespace']);

/** Undefined when everything is selected. @throws BadRequest in upstream's words. */
export function createSelection(
  kind: Kind,
  query: { readonly labelSelector?: string; readonly fieldSelector?: string },
): Selection | undefined {
  const labels: Selector = parseLabelSelector(query.labelSelector ?? '');
  const fields: FieldSelector = parseFieldSelector(kind, query.fieldSelector ?? '');
  if (labels.length === 0 && fields.length === 0) return undefined;
  const byKey = fields.filter((term) => KEY_PATHS.has(term.path));
  const others = fields.filter((term) => !KEY_PATHS.has(term.path));
  return {
    name: byKey.find((term) => term.path === 'metadata.name' && term.equal)?.value,
    matches(bytes, { namespace, name }) {
      if (byKey.length > 0 && !matchesFields(byKey, { metadata: { namespace, name } })) return false;
      if (labels.length > 0 && !matchesLabels(labels, bytes.labels())) return false;
      return others.length === 0 || matchesFields(others, convert(bytes.object(), kind));
    },
  };
}

/** A workload's `spec.selector` (an object, or a plain map of labels) as text, for Scale. */
export function formatSelector(selector: unknown): string {
  if (!isJsonObject(selector)) return '';
  const plain = !('matchLabels' in selector) && !('matchExpressions' in selector);
  // The schema of the kind said so: a map of strings or a LabelSelector.
  const parsed = plain ? { matchLabels: selector as Record<string, string> } : (selector as LabelSelector);
  return formatRequirements(fromLabelSelector(parsed));
}
