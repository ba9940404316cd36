import type {
  APIService,
  CertificateSigningRequest,
  ClusterRole,
  ConfigMap,
  CustomResourceDefinition,
  FlowSchema,
  Lease,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  PriorityLevelConfiguration,
  ResourceQuota,
  Secret,
  ServiceAccount,
  ValidatingAdmissionPolicy,
} from '../api/types.generated.ts';
import type { Client } from '../client/client.ts';
import { createInformer, type Informer } from '../client/informer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { claimsHeldBy } from './pvc-protection/plan.ts';

const FLOW_CONTROL = 'flowcontrol.apiserver.k8s.io/v1';

/** Name of the ConfigMap that every namespace gets, with the authority's certificate. */
export const ROOT_CA_CONFIG_MAP = 'kube-root-ca.crt';

/** The index of pods, and of disruption budgets, by their namespace. */
export const BY_NAMESPACE = 'namespace';

/** The caches controllers share: each collection is followed once. */
export interface Informers {
  readonly namespaces: Informer<Namespace>;
  readonly nodes: Informer<Node>;
  readonly pods: Informer<Pod>;
  readonly budgets: Informer<PodDisruptionBudget>;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly quotas: Informer<ResourceQuota>;
  readonly leases: Informer<Lease>;
  readonly serviceAccounts: Informer<ServiceAccount>;
  readonly rootCas: Informer<ConfigMap>;
  readonly apiServices: Informer<APIService>;
  readonly flowSchemas: Informer<FlowSchema>;
  readonly priorityLevels: Informer<PriorityLevelConfiguration>;
  readonly definitions: Informer<CustomResourceDefinition>;
  readonly clusterRoles: Informer<ClusterRole>;
  readonly certificateRequests: Informer<CertificateSigningRequest>;
  readonly policies: Informer<ValidatingAdmissionPolicy>;
  /** Those that hold the token of a service account. */
  readonly tokenSecrets: Informer<Secret>;
}

export function createInformers(client: Client, options: { clock: Clock; log: Logger }): Informers {
  return {
    namespaces: createInformer<Namespace>(client, { apiVersion: 'v1', resource: 'namespaces' }, options),
    nodes: createInformer<Node>(client, { apiVersion: 'v1', resource: 'nodes' }, options),
    pods: createInformer<Pod>(
      client,
      { apiVersion: 'v1', resource: 'pods' },
      {
        ...options,
        indexes: {
          node: (pod) => [pod.spec?.nodeName ?? ''],
          claim: claimsHeldBy,
          [BY_NAMESPACE]: ({ metadata }) => [metadata?.namespace ?? ''],
        },
      },
    ),
    budgets: createInformer<PodDisruptionBudget>(
      client,
      { apiVersion: 'policy/v1', resource: 'poddisruptionbudgets' },
      { ...options, indexes: { [BY_NAMESPACE]: ({ metadata }) => [metadata?.namespace ?? ''] } },
    ),
    claims: createInformer<PersistentVolumeClaim>(
      client,
      { apiVersion: 'v1', resource: 'persistentvolumeclaims' },
      options,
    ),
    volumes: createInformer<PersistentVolume>(
      client,
      { apiVersion: 'v1', resource: 'persistentvolumes' },
      options,
    ),
    quotas: createInformer<ResourceQuota>(client, { apiVersion: 'v1', resource: 'resourcequotas' }, options),
    leases: createInformer<Lease>(
      client,
      { apiVersion: 'coordination.k8s.io/v1', resource: 'leases', namespace: 'kube-node-lease' },
      options,
    ),
    serviceAccounts: createInformer<ServiceAccount>(
      client,
      { apiVersion: 'v1', resource: 'serviceaccounts' },
      options,
    ),
    rootCas: createInformer<ConfigMap>(
      client,
      { apiVersion: 'v1', resource: 'configmaps' },
      { ...options, fieldSelector: `metadata.name=${ROOT_CA_CONFIG_MAP}` },
    ),
    clusterRoles: createInformer<ClusterRole>(
      client,
      { apiVersion: 'rbac.authorization.k8s.io/v1', resource: 'clusterroles' },
      options,
    ),
    certificateRequests: createInformer<CertificateSigningRequest>(
      client,
      { apiVersion: 'certificates.k8s.io/v1', resource: 'certificatesigningrequests' },
      options,
    ),
    policies: createInformer<ValidatingAdmissionPolicy>(
      client,
      { apiVersion: 'admissionregistration.k8s.io/v1', resource: 'validatingadmissionpolicies' },
      options,
    ),
    tokenSecrets: createInformer<Secret>(
      client,
      { apiVersion: 'v1', resource: 'secrets' },
      { ...options, fieldSelector: 'type=kubernetes.io/service-account-token' },
    ),
    flowSchemas: createInformer<FlowSchema>(
      client,
      { apiVersion: FLOW_CONTROL, resource: 'flowschemas' },
      options,
    ),
    priorityLevels: createInformer<PriorityLevelConfiguration>(
      client,
      { apiVersion: FLOW_CONTROL, resource: 'prioritylevelconfigurations' },
      options,
    ),
    apiServices: createInformer<APIService>(
      client,
      { apiVersion: 'apiregistration.k8s.io/v1', resource: 'apiservices' },
      options,
    ),
    definitions: createInformer<CustomResourceDefinition>(
      client,
      { apiVersion: 'apiextensions.k8s.io/v1', resource: 'customresourcedefinitions' },
      options,
    ),
  };
}
