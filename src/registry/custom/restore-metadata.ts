import { isJsonObject, type JsonObject, memberOf } from '../../api/json.ts';
import type { ApiObject, ObjectMeta } from '../../api/kind.ts';
import { annotationDetails, labelDetails } from '../../api/meta-validation.ts';

const SAME = [
  ['name', 'name'],
  ['namespace', 'namespace'],
  ['uid', 'UID'],
] as const;

/**
 * The metadata of a converted object: what it was, with the labels and annotations of the answer. A webhook may change
 * nothing else. @returns what is wrong, as a text, when it says another identity or labels that are none
 */
export function restoreMetadata(original: ApiObject, answered: unknown): ObjectMeta | string {
  if (!isJsonObject(answered)) return 'missing metadata in converted object';
  for (const [key, name] of SAME) {
    const before = original.metadata[key] ?? '';
    const after = memberOf(answered, key) ?? '';
    if (before !== after) return `must have the same ${name}: ${before} != ${String(after)}`;
  }
  const { labels: _labels, annotations: _annotations, ...kept } = original.metadata;
  const metadata: ObjectMeta = kept;
  for (const field of ['labels', 'annotations'] as const) {
    const said = answered[field];
    if (said === undefined || said === null) continue;
    if (!isTexts(said)) return `metadata.${field} must be a map of strings in converted object`;
    const faults =
      field === 'labels'
        ? labelDetails(said, 'metadata.labels')
        : annotationDetails(said, 'metadata.annotations');
    const [fault] = faults;
    if (fault !== undefined) return `${fault.field}: ${fault.message}`;
    metadata[field] = said;
  }
  return metadata;
}

function isTexts(value: unknown): value is Record<string, string> & JsonObject {
  return isJsonObject(value) && Object.values(value).every((one) => typeof one === 'string');
}
