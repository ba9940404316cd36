import { type ApiObject, type Kind, qualifiedResource } from '../../../api/kind.ts';
import { fromLabelSelector, matchesLabels } from '../../../api/label-selector.ts';
import type { ParamKind, ParamRef } from '../../../api/types.generated.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import { LIMITS } from '../../../lib/limits.ts';
import type { LiveObjects, LiveView } from '../../live.ts';
import type { AdmissionRequest } from '../admission.ts';

/** Null: the policy is evaluated without parameters. */
export type Param = Readonly<ApiObject> | null;

/**
 * The parameter objects with which a binding has its policy evaluated, each once; none when there are none and the
 * binding lets that pass.
 * @throws Invalid with what is wrong with the binding, in upstream's words
 */
export async function collectParams(
  live: LiveView,
  request: AdmissionRequest,
  { kind: paramKind, ref }: { readonly kind: ParamKind | undefined; readonly ref: ParamRef | undefined },
): Promise<readonly Param[]> {
  if (paramKind === undefined || ref === undefined) return [null];
  const kind = mustFindKind(request, paramKind);
  const namespace = namespaceOf(kind, ref, request);
  const objects = live.of(storedResource(kind));
  await mustLoad(objects, paramKind);
  const found = await inVersion(request, kind, select(objects, namespace, ref));
  if (found.length === 0 && ref.parameterNotFoundAction === 'Deny')
    throw bad('no params found for policy binding with `Deny` parameterNotFoundAction');
  return found;
}

/** The kind whose objects are the parameters. @throws Invalid when it is not served */
export function mustFindKind({ kinds }: AdmissionRequest, { apiVersion = '', kind = '' }: ParamKind): Kind {
  const found = kinds.byKind(apiVersion, kind);
  if (found === undefined)
    throw bad(`failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kind}'`);
  return found;
}

function storedResource(kind: Kind): string {
  return qualifiedResource({ group: kind.storageGroup ?? kind.group, resource: kind.resource });
}

function namespaceOf(kind: Kind, ref: ParamRef, request: AdmissionRequest): string {
  const { namespace = '' } = ref;
  if (!kind.namespaced) {
    if (namespace !== '')
      throw bad('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
    return '';
  }
  if (namespace !== '') return namespace;
  if (request.namespace === '')
    throw bad('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  return request.namespace;
}

/** Parameters of a kind that nobody asked for yet are read now. */
async function mustLoad(objects: LiveObjects, { apiVersion = '', kind = '' }: ParamKind): Promise<void> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), LIMITS.paramLoadMs);
  const isLoaded = await Promise.race([objects.loaded.then(() => true), late.promise]);
  clearTimeout(timer);
  if (!isLoaded)
    throw bad(`paramKind kind \`${apiVersion}, Kind=${kind}\` not yet synced to use for admission`);
}

function select(objects: LiveObjects, namespace: string, ref: ParamRef): Readonly<ApiObject>[] {
  const { name = '', selector } = ref;
  if (name !== '') {
    const found = objects.get(namespace, name);
    return found === undefined ? [] : [found];
  }
  const wanted = fromLabelSelector(selector ?? {});
  const all = [...objects.values()].filter(({ metadata }) => (metadata.namespace ?? '') === namespace);
  return all
    .filter(({ metadata }) => matchesLabels(wanted, metadata.labels))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

async function inVersion(
  request: AdmissionRequest,
  kind: Kind,
  objects: readonly Readonly<ApiObject>[],
): Promise<readonly Readonly<ApiObject>[]> {
  if (kind.version === kind.storageVersion) return objects;
  return await Promise.all(objects.map((object) => request.convert(object, kind)));
}

function bad(why: string): AmphoraError {
  return new AmphoraError('Invalid', why);
}
