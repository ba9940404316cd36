import { type Kind, qualifiedResource } from '../../api/kind.ts';
import { kindsOnce } from '../../api/kinds-once.ts';
import type { Client, ObjectReference } from '../../client/client.ts';
import { toTime } from '../../lib/clock.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { emptyKind } from './empty.ts';
import { planConditions, planNamespace, type Remaining } from './plan.ts';

/** How soon to look again whether what was told to go has gone: pods take their grace period. */
const AGAIN_MS = 500;

/**
 * How long after the first look a namespace may go at the soonest: what was admitted just before its deletion may still
 * be on its way into it.
 */
const SETTLE_MS = 200;

/** Empties a namespace that is being deleted, and lets it go when nothing is left in it. */
export function namespaceController({ client, informers, kinds, clock }: ControllerParts): Controller {
  /** When those that are going were first looked at, by uid. */
  const firstLooks = new Map<string, number>();
  return {
    name: 'namespace',
    sources: [{ informer: informers.namespaces, keyOf: (key) => key }],
    async reconcile(key, signal) {
      const namespace = informers.namespaces.get(key);
      if (namespace === undefined || planNamespace(namespace, false) === undefined) return undefined;
      const { remaining, failures } = await empty(client, {
        kinds: kindsOnce(kinds),
        namespace: key,
        signal,
      });
      const isEmpty = failures.length === 0 && remaining.every(({ count }) => count === 0);
      const conditions = planConditions(namespace, { remaining, failures, now: toTime(clock.now()) });
      if (conditions !== undefined && !isEmpty) {
        const body = { status: { conditions } };
        await ignoreGone(client.patch(referenceOf(key, 'status'), { type: 'merge', body }, { signal }));
      }
      const step = planNamespace(namespace, isEmpty);
      if (step?.kind !== 'finalize') return { againAfterMs: AGAIN_MS };
      const { uid = '' } = namespace.metadata ?? {};
      const first = firstLooks.get(uid) ?? clock.now();
      firstLooks.set(uid, first);
      if (clock.now() - first < SETTLE_MS) return { againAfterMs: SETTLE_MS };
      firstLooks.delete(uid);
      const body = { ...namespace, spec: { ...namespace.spec, finalizers: step.finalizers } };
      await ignoreGone(client.update(referenceOf(key, 'finalize'), body, { signal }));
      return undefined;
    },
  };
}

interface Emptying {
  readonly kinds: readonly Kind[];
  readonly namespace: string;
  readonly signal: AbortSignal;
}

interface Emptied {
  readonly remaining: readonly Remaining[];
  readonly failures: readonly string[];
}

/** Tells everything in the namespace to go: pods first and all else when they are gone, since they may use it. */
async function empty(client: Client, { kinds, namespace, signal }: Emptying): Promise<Emptied> {
  const within = kinds.filter(
    ({ namespaced, verbs }) => namespaced && verbs.includes('list') && verbs.includes('delete'),
  );
  const pods = within.filter((kind) => qualifiedResource(kind) === 'pods');
  const first = await emptyKinds(client, { kinds: pods, namespace, signal });
  if (first.failures.length > 0 || first.remaining.some(({ count }) => count > 0)) return first;
  return await emptyKinds(client, {
    kinds: within.filter((kind) => !pods.includes(kind)),
    namespace,
    signal,
  });
}

async function emptyKinds(client: Client, { kinds, namespace, signal }: Emptying): Promise<Emptied> {
  const failures: string[] = [];
  const remaining = await Promise.all(
    kinds.map((kind) =>
      emptyKind(client, { kind, namespace, signal }).catch((error) => {
        // A kind that has just gone has taken its objects with it.
        if (!isCode(error, 'NotFound')) failures.push(AmphoraError.from(error).message);
        return undefined;
      }),
    ),
  );
  return { remaining: remaining.filter((one) => one !== undefined), failures: failures.sort() };
}

function referenceOf(name: string, subresource: string): ObjectReference {
  return { apiVersion: 'v1', resource: 'namespaces', name, subresource };
}

async function ignoreGone(call: Promise<unknown>): Promise<void> {
  await call.catch((error) => {
    if (!isCode(error, 'NotFound')) throw error;
  });
}
