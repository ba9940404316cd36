import { cloneJson, isJsonObject, type JsonObject, memberOf, setMember } from '../api/json.ts';
import type { ApiObject, Kind, ScalePaths } from '../api/kind.ts';
import { throwIfInvalid } from './faults.ts';
import { invalid } from './field-errors.ts';
import { ensure } from './fields.ts';
import type { RegistryParts } from './parts.ts';
import { plain } from './pod-binding.ts';
import { prepareUpdate } from './prepare.ts';
import type { ObjectBytes, RequestContext, ResourceTarget } from './registry.ts';
import { formatSelector } from './selection.ts';
import { mustLoad, present, storedKind } from './storage.ts';
import { write } from './write.ts';

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

/** Writes `spec.replicas` of what is scaled. `make` gets the Scale as it is and gives it as it is to be. */
export async function writeScale(
  parts: RegistryParts,
  request: {
    readonly context: RequestContext;
    readonly target: ResourceTarget;
    readonly make: (scale: ApiObject) => ApiObject;
  },
): Promise<ObjectBytes> {
  const { target } = request;
  const kind = storedKind(parts, target.kind);
  const written = await write(parts, {
    ...request,
    make: (current) => {
      const scale = request.make(scaleOf(target.kind, current));
      const replicas = valueAt(scale, '.spec.replicas') ?? 0;
      if (!Number.isSafeInteger(replicas) || Number(replicas) < 0)
        throwIfInvalid(target.kind, target.name, [
          invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
        ]);
      const { resourceVersion } = scale.metadata;
      const metadata = { ...current.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
      const next = cloneJson(current);
      setAt(next, pathsOf(target.kind).replicas, replicas);
      return { ...next, metadata };
    },
    prepare: (object, old) => prepareUpdate(kind, { object, old, subresource: '' }),
    admitted: {
      bodyKind: SCALE,
      see: (object) => scaleOf(target.kind, object),
      put: (object, scale) =>
        setAt(object, pathsOf(target.kind).replicas, valueAt(scale, '.spec.replicas') ?? 0),
    },
  });
  return plain(scaleOf(target.kind, written.object()));
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

function valueAt(object: unknown, path: string): unknown {
  return membersOf(path).reduce<unknown>(
    (value, member) => (isJsonObject(value) ? memberOf(value, member) : undefined),
    object,
  );
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

function membersOf(path: string): string[] {
  return path.split('.').filter((member) => member !== '');
}
