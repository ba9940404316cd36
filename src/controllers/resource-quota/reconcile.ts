import {
  type ApiObject,
  apiVersionOf,
  type Kind,
  type KindTable,
  qualifiedResource,
} from '../../api/kind.ts';
import { hasEnded } from '../../api/quota/usage.ts';
import type { ResourceQuota } from '../../api/types.generated.ts';
import type { Client } from '../../client/client.ts';
import { isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { Departures } from './departures.ts';
import { countedBy, givesBack, planQuota, type QuotaStatus, sameAmounts } from './plan.ts';

/** Longer than a write that was charged for takes. */
const CONFIRM_MS = 500;

/**
 * Counts what a namespace's quotas are used for: when one is new or changed, when something has gone or a pod has
 * ended, and from time to time for what nobody tells of. What is made meanwhile is charged by admission.
 */
export function resourceQuotaController(parts: ControllerParts): Controller {
  const { client, informers, kinds, clock } = parts;
  const departures = new Departures(client, parts);
  const namespaceOf = (key: string) => key.split('/')[0];
  const suspected = new Map<string, string>();
  const hasQuota = (namespace: string) => informers.quotas.list(namespace).length > 0;
  return {
    name: 'resource-quota',
    sources: [
      {
        informer: informers.quotas,
        keyOf: (key) => {
          const quota = informers.quotas.get(key);
          // A status that admission wrote is no reason to count.
          return quota !== undefined && isTakenUp(quota) ? undefined : namespaceOf(key);
        },
      },
      {
        informer: informers.pods,
        keyOf: (key) => {
          const pod = informers.pods.get(key);
          const namespace = namespaceOf(key) ?? '';
          return hasQuota(namespace) && (pod === undefined || hasEnded(pod, clock.now()))
            ? namespace
            : undefined;
        },
      },
      {
        informer: informers.claims,
        keyOf: (key) => {
          const namespace = namespaceOf(key) ?? '';
          return informers.claims.get(key) === undefined && hasQuota(namespace) ? namespace : undefined;
        },
      },
      { informer: departures, keyOf: (namespace) => (hasQuota(namespace) ? namespace : undefined) },
    ],
    run: (signal) => departures.run(signal),
    async reconcile(namespace, signal) {
      const objects = new Map<string, readonly ApiObject[]>();
      let againAfterMs: number | undefined;
      // Read before what is counted: what is charged meanwhile makes the write a conflict, and it is counted again.
      for (const quota of await quotasOf(client, namespace, signal)) {
        againAfterMs ??= LIMITS.quotaResyncMs;
        for (const resource of countedBy(quota)) {
          departures.follow(resource);
          if (!objects.has(resource))
            objects.set(resource, await list(client, kinds, { resource, namespace, signal }));
        }
        const counted = new Map(countedBy(quota).map((resource) => [resource, objects.get(resource) ?? []]));
        const status = planQuota(quota, counted, clock.now());
        if (isSuspect(suspected, quota, status)) againAfterMs = CONFIRM_MS;
        else if (status !== undefined) await writeStatus(client, { ...quota, status }, signal);
      }
      return againAfterMs === undefined ? undefined : { againAfterMs };
    },
  };
}

/**
 * Whether less is there than was charged, for the first time: it may be that an object was charged for and is not
 * written yet. Seen again with nothing charged in between, it is so.
 */
function isSuspect(
  suspected: Map<string, string>,
  quota: ResourceQuota,
  status: QuotaStatus | undefined,
): boolean {
  const { uid = '', resourceVersion = '' } = quota.metadata ?? {};
  const seen = `${resourceVersion} ${JSON.stringify(status?.used)}`;
  const isLess = status !== undefined && givesBack(quota, status);
  if (!isLess || suspected.get(uid) === seen) {
    suspected.delete(uid);
    return false;
  }
  if (suspected.size >= LIMITS.quotaSuspects) suspected.clear(); // Of quotas that are gone, mostly.
  suspected.set(uid, seen);
  return true;
}

function isTakenUp({ spec, status }: ResourceQuota): boolean {
  return sameAmounts(spec?.hard ?? {}, status?.hard) && status?.used !== undefined;
}

async function quotasOf(
  client: Client,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly ResourceQuota[]> {
  const collection = { apiVersion: 'v1', resource: 'resourcequotas', namespace };
  return (await client.list<ResourceQuota>(collection, {}, { signal })).items;
}

async function list(
  client: Client,
  kinds: KindTable,
  { resource, namespace, signal }: { resource: string; namespace: string; signal: AbortSignal },
): Promise<readonly ApiObject[]> {
  const kind = kinds.all().find((each) => qualifiedResource(each) === resource && isListed(each));
  if (kind === undefined) return []; // Not served (yet): there is nothing to count.
  const collection = { apiVersion: apiVersionOf(kind), resource: kind.resource, namespace };
  return (await client.list(collection, {}, { signal })).items;
}

function isListed({ version, storageVersion, namespaced, verbs }: Kind): boolean {
  return version === storageVersion && namespaced && verbs.includes('list');
}

async function writeStatus(client: Client, quota: ResourceQuota, signal: AbortSignal): Promise<void> {
  const { name = '', namespace = '' } = quota.metadata ?? {};
  const reference = { apiVersion: 'v1', resource: 'resourcequotas', namespace, name, subresource: 'status' };
  await client.update(reference, quota, { signal }).catch((error) => {
    if (!isCode(error, 'NotFound')) throw error;
  });
}
