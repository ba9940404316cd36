import { type ApiObject, apiVersionOf, type Kind, type KindTable } from '../api/kind.ts';
import { convertAutoscaler } from './conversion-autoscaling.ts';
import { convertEvent } from './conversion-events.ts';

/** Groups whose kind is stored under another group's name. */
const STORED_AS: Readonly<Record<string, { readonly group: string; readonly version: string }>> = {
  'events.k8s.io/events': { group: '', version: 'v1' },
};

/**
 * The kind in the version the store holds; the same object where that is the version asked for. Custom kinds have a
 * store each that speaks the version asked for (`custom/custom-store.ts`).
 */
export function storageKind(kind: Kind, kinds: KindTable): Kind {
  const elsewhere = STORED_AS[`${kind.group}/${kind.resource}`];
  if (elsewhere !== undefined) return kinds.find(elsewhere.group, elsewhere.version, kind.resource) ?? kind;
  if (kind.version === kind.storageVersion || kind.custom !== undefined) return kind;
  return kinds.find(kind.group, kind.storageVersion, kind.resource) ?? kind;
}

/** The object in another version of its kind. Kinds without a conversion of their own only change their apiVersion. */
export function convert(object: Readonly<ApiObject>, to: Kind): ApiObject {
  const apiVersion = apiVersionOf(to);
  if (object.apiVersion === apiVersion) return { ...object };
  if (to.resource === 'events') return convertEvent(object, apiVersion);
  if (to.resource === 'horizontalpodautoscalers') return convertAutoscaler(object, apiVersion);
  return { ...object, apiVersion };
}
