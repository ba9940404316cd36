import { equalJson } from '../../api/json.ts';
import { type ApiObject, apiVersionOf, type Kind, type ObjectMeta } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { AdmissionRequest } from './admission.ts';

/** What of an object's metadata is the server's alone: kept, whatever an outsider makes of it. */
const SERVERS = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generateName',
  'managedFields',
] as const satisfies readonly (keyof ObjectMeta)[];

/** The request's object, or the one before, in the version of `kind`. */
export async function seenAs(
  request: AdmissionRequest,
  object: Readonly<ApiObject>,
  as: Kind,
): Promise<ApiObject> {
  // As it goes over the wire: without members that are undefined.
  if (request.bodyKind !== undefined) return JSON.parse(JSON.stringify(object)) as ApiObject;
  return await request.convert(object, as);
}

/**
 * Takes what a webhook or a policy made of the object: decoded and defaulted as a body is, names and what the server
 * owns kept. `made` is in the version of `as`.
 * @returns whether it changed the object
 * @throws Internal for what is no object of the kind; Invalid, BadRequest for one of another name or namespace.
 */
export async function rewrite(
  request: AdmissionRequest,
  made: unknown,
  { as, by }: { readonly as: Kind; readonly by: string },
): Promise<boolean> {
  const { object } = request;
  const kind = request.bodyKind ?? as;
  const value = decoded(request, made, { as, by });
  if (value.apiVersion !== apiVersionOf(kind) || value.kind !== kind.kind)
    throw new AmphoraError('Internal', `${by} made a ${String(value.kind)} of a ${kind.kind}`);
  const next = request.bodyKind === undefined ? await request.convert(value, request.kind) : { ...value };
  // The options of a connection have no metadata.
  if (object.metadata === undefined) Reflect.deleteProperty(next, 'metadata');
  else next.metadata = keepServers(request, next.metadata ?? {}, object.metadata);
  if (equalJson(next, object)) return false;
  for (const member of Object.keys(object)) delete object[member];
  Object.assign(object, next);
  return true;
}

function decoded(
  request: AdmissionRequest,
  made: unknown,
  { as, by }: { readonly as: Kind; readonly by: string },
): ApiObject {
  try {
    return request.conform(made, as);
  } catch (error) {
    throw new AmphoraError('Internal', `${by}: ${AmphoraError.from(error).message}`, { cause: error });
  }
}

function keepServers(request: AdmissionRequest, made: ObjectMeta, before: ObjectMeta): ObjectMeta {
  const next = { ...made };
  const { name, namespace, uid } = before;
  if (next.namespace !== namespace)
    throw request.operation === 'CREATE'
      ? new AmphoraError(
          'BadRequest',
          'the namespace of the provided object does not match the namespace sent on the request',
        )
      : immutable(request, 'namespace', next.namespace);
  if (next.name !== name) throw immutable(request, 'name', next.name);
  if (request.operation === 'UPDATE' && next.uid !== undefined && next.uid !== uid)
    throw immutable(request, 'uid', next.uid);
  for (const field of SERVERS) {
    if (before[field] === undefined) delete next[field];
    else Object.assign(next, { [field]: before[field] });
  }
  return next;
}

function immutable(request: AdmissionRequest, field: string, value: string | undefined): AmphoraError {
  const { asked, name } = request;
  const message = `Invalid value: ${JSON.stringify(value ?? '')}: field is immutable`;
  const qualified = asked.group === '' ? asked.kind : `${asked.kind}.${asked.group}`;
  return new AmphoraError(
    'Invalid',
    `${qualified} ${JSON.stringify(name)} is invalid: metadata.${field}: ${message}`,
    {
      about: { group: asked.group, kind: asked.kind, name },
      details: [{ reason: 'FieldValueInvalid', field: `metadata.${field}`, message }],
    },
  );
}
