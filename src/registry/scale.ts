import { cloneJson, type JsonObject, setMember } from '../api/json.ts';
import { type ApiObject, apiVersionOf, type Kind, type ScalePaths } from '../api/kind.ts';
import type { Schema } from '../api/schema.ts';
import { type ApplyRequest, applyConfigured, checkedConfig } from './apply.ts';
import { throwIfInvalid } from './faults.ts';
import { invalid } from './field-errors.ts';
import { ensure, membersOf, valueAt } from './fields.ts';
import type { RegistryParts, StoredKind } from './parts.ts';
import { plain } from './pod-binding.ts';
import { prepareUpdate } from './prepare.ts';
import type { ObjectBytes, RequestContext, ResourceTarget } from './registry.ts';
import { formatSelector } from './selection.ts';
import { mustLoad, present, storedKind } from './storage.ts';
import { type AdmittedAs, type WriteRequest, write } from './write.ts';

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

export async function getScale(
  parts: RegistryParts,
  context: RequestContext,
  target: ResourceTarget,
): Promise<ObjectBytes> {
  const kind = storedKind(parts, target.kind);
  const { namespace, name } = target;
  const found = await mustLoad(parts, kind, { namespace, name, signal: context.signal });
  return plain(scaleOf(target.kind, present(parts, kind, found).object()));
}

interface ScaleRequest {
  readonly context: RequestContext;
  readonly target: ResourceTarget;
}

/** Writes `spec.replicas` of what is scaled. `make` gets the Scale as it is and gives it as it is to be. */
export async function writeScale(
  parts: RegistryParts,
  request: ScaleRequest & { readonly make: (scale: ApiObject) => ApiObject },
): Promise<ObjectBytes> {
  const { context, target } = request;
  const written = await write(parts, {
    context,
    target,
    make: (current) => {
      const scale = request.make(scaleOf(target.kind, current));
      const replicas = checkedReplicas(target, scale) ?? 0;
      const { resourceVersion, uid } = scale.metadata;
      const next = cloneJson(current);
      if (resourceVersion !== undefined) next.metadata.resourceVersion = resourceVersion;
      if (uid !== undefined) next.metadata.uid = uid;
      setAt(next, pathsOf(target.kind).replicas, replicas);
      return next;
    },
    prepare: preparing(storedKind(parts, target.kind)),
    admitted: admittedAsScale(target.kind),
  });
  return plain(scaleOf(target.kind, written.object()));
}

/** Applies a Scale: what it says of replicas is applied to what is scaled, and owned there. */
export async function applyScale(
  parts: RegistryParts,
  request: ScaleRequest & { readonly patch: ApplyRequest['patch'] },
): Promise<ObjectBytes> {
  const { context, target, patch } = request;
  const scale = checkedConfig(SCALE, target, { value: patch.value, schema: scaleSchema(parts) });
  const { name, namespace, uid, resourceVersion } = scale.metadata;
  const metadata = {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  const { kind } = target.kind;
  const config = { apiVersion: apiVersionOf(target.kind), kind, metadata } as ApiObject; // Named by the address.
  const replicas = checkedReplicas(target, scale);
  if (replicas !== undefined) setAt(config, pathsOf(target.kind).replicas, replicas);
  const prepare = preparing(storedKind(parts, target.kind));
  const admitted = admittedAsScale(target.kind);
  const written = await applyConfigured(parts, { context, target, patch, prepare, admitted }, config);
  return plain(scaleOf(target.kind, written.object()));
}

export function scaleSchema(parts: RegistryParts): Schema {
  return parts.kinds.schemaOf(apiVersionOf(SCALE), SCALE.kind) ?? { type: 'any' };
}

/** Admission sees the Scale, and may change how many there are to be. */
function admittedAsScale(kind: Kind): AdmittedAs {
  return {
    bodyKind: SCALE,
    see: (object) => scaleOf(kind, object),
    put: (object, scale) => setAt(object, pathsOf(kind).replicas, valueAt(scale, '.spec.replicas') ?? 0),
  };
}

/** As a write of the object itself. */
function preparing(kind: StoredKind): NonNullable<WriteRequest['prepare']> {
  return (object, old) => prepareUpdate(kind, { object, old, subresource: '' });
}

/** @throws Invalid */
function checkedReplicas({ kind, name }: ResourceTarget, scale: ApiObject): number | undefined {
  const replicas = valueAt(scale, '.spec.replicas');
  if (replicas === undefined || replicas === null) return undefined;
  if (!Number.isSafeInteger(replicas) || Number(replicas) < 0)
    throwIfInvalid(kind, name, [invalid('spec.replicas', replicas, 'must be greater than or equal to 0')]);
  return Number(replicas);
}

function scaleOf(kind: Kind, object: Readonly<ApiObject>): ApiObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const paths = pathsOf(kind);
  // Read-only copies of fields of the object's own metadata.
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp } as ApiObject['metadata'];
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata,
    spec: { replicas: valueAt(object, paths.replicas) ?? 0 },
    status: {
      replicas: valueAt(object, paths.statusReplicas) ?? 0,
      selector: selectorOf(kind, object),
    },
  };
}

/** A custom kind keeps the selector as text; built-in ones as an object. */
function selectorOf(kind: Kind, object: Readonly<ApiObject>): string {
  const { scalePaths } = kind;
  if (scalePaths === undefined) return formatSelector(valueAt(object, '.spec.selector'));
  const selector =
    scalePaths.labelSelector === undefined ? undefined : valueAt(object, scalePaths.labelSelector);
  return typeof selector === 'string' ? selector : '';
}

function pathsOf({ scalePaths }: Kind): ScalePaths {
  return scalePaths ?? { replicas: '.spec.replicas', statusReplicas: '.status.replicas' };
}

function setAt(object: ApiObject, path: string, value: unknown): void {
  const members = membersOf(path);
  const last = members.pop();
  if (last === undefined) return;
  setMember(
    members.reduce<JsonObject>((at, member) => ensure(at, member), object),
    last,
    value,
  );
}
