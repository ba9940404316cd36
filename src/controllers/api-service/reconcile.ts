import type { KindTable } from '../../api/kind.ts';
import type { APIService, CustomResourceDefinition } from '../../api/types.generated.ts';
import type { Client } from '../../client/client.ts';
import { toTime } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { lacksLocal, planService, servedHere } from './plan.ts';

const COLLECTION = { apiVersion: 'apiregistration.k8s.io/v1', resource: 'apiservices' };
/** Stands for all that is served here: CRDs come and go. */
const ALL = '';

/**
 * Keeps an APIService for each group and version that this server answers itself. Whether others answer, each server
 * finds out for itself (`http/aggregation`).
 */
export function apiServiceController({ client, informers, kinds, clock }: ControllerParts): Controller {
  const { apiServices, definitions } = informers;
  return {
    name: 'api-service',
    sources: [
      { informer: apiServices, keyOf: (name) => name },
      { informer: definitions, keyOf: () => ALL },
    ],
    async reconcile(name, signal) {
      const served = servedHere(kinds.all());
      if (name === ALL) {
        for (const each of new Set([...served.keys(), ...apiServices.list().map(nameIn)]))
          await putInOrder(client, { name: each, now: apiServices.get(each), served, signal });
        // A CRD that was just accepted is served a moment later.
        return definitions.list().every((crd) => isServed(crd, kinds))
          ? undefined
          : { againAfterMs: LIMITS.informerRetryFirstMs };
      }
      const now = apiServices.get(name);
      await putInOrder(client, { name, now, served, signal });
      if (now !== undefined && lacksLocal(now))
        await saySo(client, { now, time: toTime(clock.now()), signal });
      return undefined;
    },
    async run(signal) {
      const served = servedHere(kinds.all());
      await apiServices.whenSynced(signal);
      // Without a CRD nothing else wakes this loop on a first start.
      await Promise.all(
        [...served.keys()].map((name) =>
          putInOrder(client, { name, now: apiServices.get(name), served, signal }),
        ),
      );
    },
  };
}

/** Whether this server answers already for what the CRD was accepted for. */
function isServed({ spec, status }: CustomResourceDefinition, kinds: KindTable): boolean {
  const isAccepted = status?.conditions?.some(
    ({ type, status: is }) => type === 'NamesAccepted' && is === 'True',
  );
  return (
    isAccepted !== true ||
    spec.versions.every(
      ({ served, name }) => !served || kinds.find(spec.group, name, spec.names.plural) !== undefined,
    )
  );
}

function nameIn({ metadata }: APIService): string {
  return metadata?.name ?? '';
}

async function putInOrder(
  client: Client,
  at: {
    readonly name: string;
    readonly now: APIService | undefined;
    readonly served: ReturnType<typeof servedHere>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { name, now, served, signal } = at;
  const step = planService(name, now, served);
  if (step === undefined) return;
  try {
    if (step.type === 'create') await client.create(COLLECTION, step.object, { signal });
    else if (step.type === 'update') await client.update({ ...COLLECTION, name }, step.object, { signal });
    else await client.delete({ ...COLLECTION, name }, {}, { signal });
  } catch (error) {
    // What was read is not the newest: the event of the newer one brings the name again.
    if (!isCode(error, 'Conflict', 'NotFound', 'AlreadyExists')) throw error;
  }
}

async function saySo(
  client: Client,
  { now, time, signal }: { now: APIService; time: string; signal: AbortSignal },
): Promise<void> {
  const local = {
    type: 'Available',
    status: 'True',
    lastTransitionTime: time,
    reason: 'Local',
    message: 'Local APIServices are always available',
  };
  const others = (now.status?.conditions ?? []).filter(({ type }) => type !== 'Available');
  const body = {
    metadata: { resourceVersion: now.metadata?.resourceVersion },
    status: { conditions: [...others, local] },
  };
  const reference = { ...COLLECTION, name: nameIn(now), subresource: 'status' };
  await client.patch(reference, { type: 'merge', body }, { signal }).catch((error: unknown) => {
    if (!isCode(error, 'Conflict', 'NotFound')) throw error;
  });
}
