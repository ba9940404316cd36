import type { Namespace, PriorityClass, RuntimeClass, Service } from '../api/types.generated.ts';
import type { Client, CollectionReference } from '../client/client.ts';
import { DEFAULT_LEVELS, DEFAULT_SCHEMAS } from '../http/fairness/defaults.ts';
import { isCode } from '../lib/errors.ts';

const SYSTEM_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

const FLOW_CONTROL = 'flowcontrol.apiserver.k8s.io/v1';

/** First address of the service range, as upstream gives it to the API's own service. */
const API_SERVICE_IP = '10.96.0.1';

/**
 * The classes of the dial. `container` is also what a pod without a class gets. A node says with a label which
 * classes it can run (`agent` writes it after probing), and the selector here keeps pods off nodes that can't.
 */
const RUNTIME_CLASSES: readonly { readonly name: string; readonly overhead?: Record<string, string> }[] = [
  { name: 'container' },
  { name: 'gvisor', overhead: { memory: '32Mi' } },
  { name: 'microvm', overhead: { memory: '96Mi' } },
];

/** Objects that every cluster has. Those that are there are left as they are. */
export async function bootstrap(
  client: Client,
  options: { port: number },
  signal: AbortSignal,
): Promise<void> {
  for (const name of SYSTEM_NAMESPACES)
    await ensure(client, {
      collection: { apiVersion: 'v1', resource: 'namespaces' },
      object: namespace(name),
      signal,
    });
  const rest = [
    ...RUNTIME_CLASSES.map((one) => ({
      collection: { apiVersion: 'node.k8s.io/v1', resource: 'runtimeclasses' },
      object: runtimeClass(one),
    })),
    ...systemPriorities().map((object) => ({
      collection: { apiVersion: 'scheduling.k8s.io/v1', resource: 'priorityclasses' },
      object,
    })),
    ...DEFAULT_LEVELS.map((object) => ({
      collection: { apiVersion: FLOW_CONTROL, resource: 'prioritylevelconfigurations' },
      object,
    })),
    ...DEFAULT_SCHEMAS.map((object) => ({
      collection: { apiVersion: FLOW_CONTROL, resource: 'flowschemas' },
      object,
    })),
    {
      collection: { apiVersion: 'v1', resource: 'services', namespace: 'default' },
      object: apiService(options.port),
    },
  ];
  await Promise.all(rest.map((one) => ensure(client, { ...one, signal })));
}

interface Wanted {
  readonly collection: CollectionReference;
  readonly object: { readonly metadata?: { readonly name?: string } };
  readonly signal: AbortSignal;
}

/** A read is cheaper than a refused write, and on every start but the first it is all there is to do. */
async function ensure(client: Client, { collection, object, signal }: Wanted): Promise<void> {
  try {
    await client.get({ ...collection, name: object.metadata?.name ?? '' }, { signal });
  } catch (error) {
    if (!isCode(error, 'NotFound')) throw error;
    await client.create(collection, object, { signal }).catch((refused) => {
      if (!isCode(refused, 'AlreadyExists')) throw refused;
    });
  }
}

function namespace(name: string): Namespace {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

function runtimeClass({ name, overhead }: { name: string; overhead?: Record<string, string> }): RuntimeClass {
  return {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name },
    handler: name,
    scheduling: { nodeSelector: { [`amphora.dev/runtime-class-${name}`]: 'available' } },
    ...(overhead === undefined ? {} : { overhead: { podFixed: overhead } }),
  };
}

function systemPriorities(): PriorityClass[] {
  const make = (name: string, value: number, description: string): PriorityClass => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value,
    description,
    globalDefault: false,
  });
  return [
    make('system-cluster-critical', 2_000_000_000, 'For what a cluster cannot do without.'),
    make('system-node-critical', 2_000_001_000, 'For what a node cannot do without.'),
  ];
}

function apiService(port: number): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: API_SERVICE_IP,
      clusterIPs: [API_SERVICE_IP],
      ports: [{ name: 'https', port: 443, targetPort: port, protocol: 'TCP' }],
    },
  };
}
