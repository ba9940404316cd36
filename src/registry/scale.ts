import type { ApiObject } from '../api/kind.ts';
import { AmphoraError } from '../lib/errors.ts';
import { throwIfInvalid } from './faults.ts';
import { invalid } from './field-errors.ts';
import type { RegistryParts } from './parts.ts';
import { plain } from './pod-binding.ts';
import { prepareUpdate } from './prepare.ts';
import type { ObjectBytes, RequestContext, ResourceTarget } from './registry.ts';
import { formatSelector } from './selection.ts';
import { mustLoad, present, storedKind } from './storage.ts';
import { write } from './write.ts';

interface Fields {
  [name: string]: unknown;
}

export async function getScale(
  parts: RegistryParts,
  context: RequestContext,
  target: ResourceTarget,
): Promise<ObjectBytes> {
  const kind = storedKind(parts, target.kind);
  const { namespace, name } = target;
  const found = await mustLoad(parts, kind, { namespace, name, signal: context.signal });
  return plain(scaleOf(present(parts, kind, found).object()));
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
      const scale = request.make(scaleOf(current));
      const replicas = (scale.spec as Fields | undefined)?.replicas ?? 0;
      if (!Number.isSafeInteger(replicas) || Number(replicas) < 0)
        throwIfInvalid(target.kind, target.name, [
          invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
        ]);
      const { resourceVersion } = scale.metadata;
      const metadata = { ...current.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
      return { ...current, metadata, spec: { ...(current.spec as Fields), replicas } };
    },
    prepare: (object, old) => prepareUpdate(kind, { object, old, subresource: '' }),
  });
  return plain(scaleOf(written.object()));
}

function scaleOf(object: Readonly<ApiObject>): ApiObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const spec = object.spec as Fields | undefined;
  const status = object.status as Fields | undefined;
  if (spec === undefined) throw new AmphoraError('Internal', `${name} has no spec to scale`);
  // Read-only copies of fields of the object's own metadata.
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp } as ApiObject['metadata'];
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata,
    spec: { replicas: spec.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0, selector: formatSelector(spec.selector) },
  };
}
