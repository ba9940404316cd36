import { cloneJson } from '../api/json.ts';
import type { ApiObject } from '../api/kind.ts';
import { toTime } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { admitBody } from './admit.ts';
import { conflict } from './faults.ts';
import type { RegistryParts } from './parts.ts';
import type { CreateTarget, ObjectBytes, RequestContext } from './registry.ts';
import { mustLoad, present, storedKind } from './storage.ts';
import { write } from './write.ts';

interface Fields {
  [name: string]: unknown;
}

/** Gives a pod its node and notes that it was scheduled. @throws Conflict when it has one or is being deleted. */
export async function bind(
  parts: RegistryParts,
  request: {
    readonly context: RequestContext;
    readonly target: CreateTarget & { name: string };
    readonly object: ApiObject;
  },
): Promise<ObjectBytes> {
  const { context, target } = request;
  const { kind, namespace, name } = target;
  const at = { kind, namespace, name, subresource: 'binding' };
  const object = await admitBody(parts, context, { operation: 'CREATE', target: at, body: request.object });
  const node = (object.target as Fields | undefined)?.name;
  if (typeof node !== 'string' || node === '')
    throw new AmphoraError('BadRequest', 'target.name: Required value: the node to bind the pod to');
  await write(parts, {
    context,
    target: at,
    admitted: 'before',
    make: cloneJson,
    ownership: 'kept', // Upstream does not say who bound a pod.
    prepare: (pod) => {
      const spec = pod.spec as Fields;
      if (pod.metadata.deletionTimestamp !== undefined)
        throw conflict(kind, name, `pod ${name} is being deleted, cannot be assigned to a host`);
      if (typeof spec.nodeName === 'string' && spec.nodeName !== '')
        throw conflict(
          kind,
          name,
          `pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`,
        );
      spec.nodeName = node;
      const metadata = pod.metadata;
      const annotations = { ...metadata.annotations, ...object.metadata?.annotations };
      if (Object.keys(annotations).length > 0) metadata.annotations = annotations;
      pod.status = scheduled(pod.status as Fields | undefined, toTime(parts.clock.now()));
      return pod;
    },
  });
  return plain({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

function scheduled(status: Fields = {}, now: string): Fields {
  const conditions = Array.isArray(status.conditions) ? (status.conditions as Fields[]) : [];
  const others = conditions.filter((condition) => condition.type !== 'PodScheduled');
  const condition = { type: 'PodScheduled', status: 'True', lastTransitionTime: now };
  return { ...status, conditions: [...others, condition] };
}

/** An answer that is not stored and so has no revision. */
export function plain(value: object): ObjectBytes {
  const json = Buffer.from(JSON.stringify(value));
  const object = () => JSON.parse(json.toString('utf8')) as ApiObject; // Each answer says what it is.
  return {
    revision: 0,
    json,
    jsonLength: json.length,
    writeJson: (target, at) => at + json.copy(target, at),
    object,
    metadata: () => object().metadata,
  };
}

/** Answers `serviceaccounts/token` through the hook. */
export async function issueToken(
  parts: RegistryParts,
  request: {
    readonly context: RequestContext;
    readonly target: CreateTarget & { name: string };
    readonly object: ApiObject;
  },
): Promise<ObjectBytes> {
  const { context, target, object } = request;
  const { issueToken: issue } = parts.hooks;
  if (issue === undefined)
    throw new AmphoraError('NotImplemented', 'this server issues no service account tokens');
  const kind = storedKind(parts, target.kind);

  const { namespace, name } = target;
  const account = await mustLoad(parts, kind, { namespace, name, signal: context.signal });
  const serviceAccount = present(parts, kind, account).object();
  return plain(await issue({ serviceAccount, request: object }, context));
}
