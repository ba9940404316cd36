import type {
  ConfigMap,
  Pod,
  Secret,
  Service,
  ServiceAccount,
  TokenRequest,
} from '../api/types.generated.ts';
import type { Client } from '../client/client.ts';
import type { Clock } from '../lib/clock.ts';
import { isCode } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { ServiceToken, TokenSource, VolumeSources } from '../volumes/volumes.ts';
import { type Allocatable, containerResource, podField } from './spec/pod-fields.ts';

/** Objects a pod refers to, read through the API as the node and remembered for a short while. */
export interface PodSources extends VolumeSources {
  services(signal: AbortSignal): Promise<readonly Service[]>;
  serviceAccount(namespace: string, name: string, signal: AbortSignal): Promise<ServiceAccount | undefined>;
  /** Lets go of what was remembered, so that the next read asks the API. */
  forget(): void;
}

export interface PodSourcesOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly nodeName: string;
  readonly hostIps: readonly string[];
  readonly allocatable: Allocatable;
}

export function createPodSources(options: PodSourcesOptions): PodSources {
  const { client, clock, nodeName, hostIps, allocatable } = options;
  const cache = new Map<string, { readonly until: number; readonly value: Promise<unknown> }>();
  const tokens = new Map<string, ServiceToken>();

  /** At most one request for the same thing at a time, and none while the last answer is fresh. */
  function remembered<T>(key: string, read: () => Promise<T>): Promise<T> {
    const present = cache.get(key);
    // The key names the kind, so what stands under it is of the type that the same reader put there.
    if (present !== undefined && present.until > clock.now()) return present.value as Promise<T>;
    const value = read().catch((error: unknown) => {
      cache.delete(key);
      throw error;
    });
    cache.delete(key);
    cache.set(key, { until: clock.now() + LIMITS.podSourceFreshMs, value });
    const oldest = cache.size > LIMITS.podSourceEntries ? cache.keys().next().value : undefined;
    if (oldest !== undefined) cache.delete(oldest);
    return value;
  }

  function find<T>(resource: string, namespace: string, name: string): Promise<T | undefined> {
    return remembered(`${resource}/${namespace}/${name}`, () =>
      client
        .get<T>(
          { apiVersion: 'v1', resource, namespace, name },
          { signal: AbortSignal.timeout(LIMITS.requestMs) },
        )
        .catch((error: unknown) => {
          if (isCode(error, 'NotFound')) return undefined;
          throw error;
        }),
    );
  }

  return {
    configMap: (namespace, name) => find<ConfigMap>('configmaps', namespace, name),
    secret: (namespace, name) => find<Secret>('secrets', namespace, name),
    serviceAccount: (namespace, name) => find<ServiceAccount>('serviceaccounts', namespace, name),
    services: () =>
      remembered('services', async () => {
        const signal = AbortSignal.timeout(LIMITS.requestMs);
        return (await client.list<Service>({ apiVersion: 'v1', resource: 'services' }, {}, { signal })).items;
      }),
    field: (pod, path) => {
      const podIps = (pod.status?.podIPs ?? []).map(({ ip }) => ip);
      return podField(pod, path, { nodeName, hostIps, podIps });
    },
    resource: (pod, selector) => {
      const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
      const container = all.find(({ name }) => name === selector.containerName) ?? { name: '' };
      return containerResource(container, selector, allocatable);
    },
    token: (source, signal) => tokenFor(source, signal),
    forget: () => cache.clear(),
  };

  async function tokenFor(source: TokenSource, signal: AbortSignal): Promise<ServiceToken> {
    const key = [source.pod.metadata?.uid, source.audience, source.expirationSeconds].join('/');
    const present = tokens.get(key);
    const now = clock.now();
    // Renewed when four fifths of its life are over, so a token in a volume is never about to end.
    if (present !== undefined && present.expiresAt - now > source.expirationSeconds * 200) return present;
    const token = await requestToken(client, source, signal);
    tokens.delete(key);
    tokens.set(key, token);
    const oldest = tokens.size > LIMITS.podSourceEntries ? tokens.keys().next().value : undefined;
    if (oldest !== undefined) tokens.delete(oldest);
    return token;
  }
}

async function requestToken(client: Client, source: TokenSource, signal: AbortSignal): Promise<ServiceToken> {
  const { namespace = '', name = '', uid = '' } = source.pod.metadata ?? {};
  const answer = await client.create<TokenRequest>(
    {
      apiVersion: 'v1',
      resource: `serviceaccounts/${serviceAccountOf(source.pod)}/token`,
      namespace,
    },
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        ...(source.audience === undefined ? {} : { audiences: [source.audience] }),
        expirationSeconds: source.expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    },
    { signal },
  );
  return {
    token: answer.status?.token ?? '',
    expiresAt: Date.parse(answer.status?.expirationTimestamp ?? ''),
  };
}

export function serviceAccountOf(pod: Pod): string {
  return pod.spec?.serviceAccountName ?? 'default';
}
