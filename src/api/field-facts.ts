/** What a field of a built-in definition allows and means when it is missing, where that is a constant. */
export interface FieldFacts {
  readonly enum?: readonly string[];
  readonly default?: unknown;
  /** Upstream takes an object without it, although the document requires it. */
  readonly optional?: boolean;
  readonly allowDuplicates?: boolean;
  /** An object that is there in an empty one around it, so that nobody owns it: see Field. */
  readonly inline?: true;
}

type Facts = Readonly<Record<string, FieldFacts>>;

const PROTOCOL: FieldFacts = { enum: ['SCTP', 'TCP', 'UDP'], default: 'TCP' };
const MODE: FieldFacts = { default: 420 };
const SCHEME: FieldFacts = { enum: ['HTTP', 'HTTPS'], default: 'HTTP' };
const OPERATOR: FieldFacts = { enum: ['DoesNotExist', 'Exists', 'Gt', 'In', 'Lt', 'NotIn'] };
const POLICY: FieldFacts = { enum: ['Fail', 'Ignore'], default: 'Fail' };
const OPTIONAL: FieldFacts = { optional: true };
const EMPTY_SELECTOR: FieldFacts = { default: {} };
const DUPLICATES: FieldFacts = { allowDuplicates: true };
const INLINE: FieldFacts = { inline: true };

const CONTAINER: Facts = {
  imagePullPolicy: { enum: ['Always', 'IfNotPresent', 'Never'] },
  terminationMessagePath: { default: '/dev/termination-log' },
  terminationMessagePolicy: { enum: ['FallbackToLogsOnError', 'File'], default: 'File' },
  resources: { default: {} },
  env: DUPLICATES,
  ports: DUPLICATES,
};

const WEBHOOK: Facts = {
  failurePolicy: POLICY,
  matchPolicy: { enum: ['Equivalent', 'Exact'], default: 'Equivalent' },
  namespaceSelector: EMPTY_SELECTOR,
  objectSelector: EMPTY_SELECTOR,
  timeoutSeconds: { default: 10 },
  sideEffects: { enum: ['None', 'NoneOnDryRun'] },
};

/**
 * Facts of upstream that the OpenAPI document leaves out, by definition without `io.k8s.api.` and by field.
 * Defaults that compute (an image tag's pull policy, a port's target) or that belong to one kind only
 * (`enableServiceLinks` of a Pod but not of a template) are code elsewhere.
 */
export const FIELD_FACTS: Readonly<Record<string, Facts>> = {
  'apimachinery.pkg.apis.meta.v1.ObjectMeta': { finalizers: DUPLICATES },
  'apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement': {
    operator: { enum: ['DoesNotExist', 'Exists', 'In', 'NotIn'] },
  },
  'core.v1.PodTemplateSpec': { metadata: INLINE, spec: INLINE },
  'batch.v1.JobTemplateSpec': { metadata: INLINE, spec: INLINE },
  'core.v1.PodSpec': {
    restartPolicy: { enum: ['Always', 'Never', 'OnFailure'], default: 'Always' },
    dnsPolicy: {
      enum: ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'],
      default: 'ClusterFirst',
    },
    schedulerName: { default: 'default-scheduler' },
    securityContext: { default: {} },
    terminationGracePeriodSeconds: { default: 30 },
    preemptionPolicy: { enum: ['Never', 'PreemptLowerPriority'] },
    imagePullSecrets: DUPLICATES,
    hostAliases: DUPLICATES,
  },
  'core.v1.Container': CONTAINER,
  'core.v1.EphemeralContainer': CONTAINER,
  'core.v1.ContainerPort': { protocol: PROTOCOL },
  'core.v1.HTTPGetAction': { path: { default: '/' }, scheme: SCHEME },
  'core.v1.HTTPHeader': { value: OPTIONAL },
  'core.v1.Sysctl': { value: OPTIONAL },
  'core.v1.Probe': {
    timeoutSeconds: { default: 1 },
    periodSeconds: { default: 10 },
    successThreshold: { default: 1 },
    failureThreshold: { default: 3 },
  },
  'core.v1.GRPCAction': { service: { default: '' } },
  'core.v1.PodOS': { name: { enum: ['linux', 'windows'] } },
  'core.v1.Toleration': {
    operator: { enum: ['Equal', 'Exists', 'Gt', 'Lt'] },
    effect: { enum: ['NoExecute', 'NoSchedule', 'PreferNoSchedule'] },
  },
  'core.v1.Taint': { effect: { enum: ['NoExecute', 'NoSchedule', 'PreferNoSchedule'] } },
  'core.v1.NodeSelectorRequirement': { operator: OPERATOR },
  'core.v1.TopologySpreadConstraint': { whenUnsatisfiable: { enum: ['DoNotSchedule', 'ScheduleAnyway'] } },
  'core.v1.SeccompProfile': { type: { enum: ['Localhost', 'RuntimeDefault', 'Unconfined'] } },
  'core.v1.AppArmorProfile': { type: { enum: ['Localhost', 'RuntimeDefault', 'Unconfined'] } },
  'core.v1.SecurityContext': { procMount: { enum: ['Default', 'Unmasked'] } },
  'core.v1.PodSecurityContext': { fsGroupChangePolicy: { enum: ['Always', 'OnRootMismatch'] } },
  'core.v1.VolumeMount': {
    mountPropagation: { enum: ['Bidirectional', 'HostToContainer', 'None'] },
    recursiveReadOnly: { enum: ['Disabled', 'Enabled', 'IfPossible'] },
  },
  'core.v1.ObjectFieldSelector': { apiVersion: { default: 'v1' } },
  'core.v1.ResourceFieldSelector': { divisor: { default: '0' } },
  'core.v1.ConfigMapVolumeSource': { defaultMode: MODE },
  'core.v1.SecretVolumeSource': { defaultMode: MODE },
  'core.v1.DownwardAPIVolumeSource': { defaultMode: MODE },
  'core.v1.ProjectedVolumeSource': { defaultMode: MODE },
  'core.v1.ServiceAccountTokenProjection': { expirationSeconds: { default: 3600 } },
  'core.v1.HostPathVolumeSource': {
    type: {
      enum: ['BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'],
      default: '',
    },
  },
  'core.v1.ReplicationControllerSpec': { replicas: { default: 1 } },
  'core.v1.ServiceSpec': {
    type: { enum: ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'], default: 'ClusterIP' },
    sessionAffinity: { enum: ['ClientIP', 'None'], default: 'None' },
    externalTrafficPolicy: { enum: ['Cluster', 'Local'] },
    internalTrafficPolicy: { enum: ['Cluster', 'Local'] },
    ipFamilyPolicy: { enum: ['PreferDualStack', 'RequireDualStack', 'SingleStack'] },
    ports: DUPLICATES,
  },
  'core.v1.ServicePort': { protocol: PROTOCOL },
  'core.v1.EndpointPort': { protocol: PROTOCOL },
  'core.v1.ServiceAccount': { secrets: DUPLICATES, imagePullSecrets: DUPLICATES },
  'core.v1.Secret': { type: { default: 'Opaque' } },
  'core.v1.PersistentVolumeSpec': {
    persistentVolumeReclaimPolicy: { enum: ['Delete', 'Recycle', 'Retain'], default: 'Retain' },
    volumeMode: { enum: ['Block', 'Filesystem'], default: 'Filesystem' },
    accessModes: { enum: ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'] },
  },
  'core.v1.PersistentVolumeClaimSpec': {
    resources: INLINE,
    volumeMode: { enum: ['Block', 'Filesystem'], default: 'Filesystem' },
    accessModes: { enum: ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'] },
  },
  'core.v1.LimitRangeSpec': { limits: OPTIONAL },
  'apps.v1.DeploymentSpec': {
    replicas: { default: 1 },
    revisionHistoryLimit: { default: 10 },
    progressDeadlineSeconds: { default: 600 },
    strategy: { default: { type: 'RollingUpdate', rollingUpdate: {} }, inline: true },
  },
  'apps.v1.DeploymentStrategy': { type: { enum: ['Recreate', 'RollingUpdate'], default: 'RollingUpdate' } },
  'apps.v1.RollingUpdateDeployment': { maxSurge: { default: '25%' }, maxUnavailable: { default: '25%' } },
  'apps.v1.ReplicaSetSpec': { replicas: { default: 1 } },
  'apps.v1.StatefulSetSpec': {
    replicas: { default: 1 },
    revisionHistoryLimit: { default: 10 },
    podManagementPolicy: { enum: ['OrderedReady', 'Parallel'], default: 'OrderedReady' },
    updateStrategy: { default: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }, inline: true },
    persistentVolumeClaimRetentionPolicy: { default: {} },
  },
  'apps.v1.StatefulSetUpdateStrategy': {
    type: { enum: ['OnDelete', 'RollingUpdate'], default: 'RollingUpdate' },
  },
  'apps.v1.RollingUpdateStatefulSetStrategy': { partition: { default: 0 } },
  'apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy': {
    whenDeleted: { enum: ['Delete', 'Retain'], default: 'Retain' },
    whenScaled: { enum: ['Delete', 'Retain'], default: 'Retain' },
  },
  'apps.v1.DaemonSetSpec': {
    revisionHistoryLimit: { default: 10 },
    updateStrategy: { default: { type: 'RollingUpdate', rollingUpdate: {} }, inline: true },
  },
  'apps.v1.DaemonSetUpdateStrategy': {
    type: { enum: ['OnDelete', 'RollingUpdate'], default: 'RollingUpdate' },
  },
  'apps.v1.RollingUpdateDaemonSet': { maxSurge: { default: 0 }, maxUnavailable: { default: 1 } },
  // A CronJob's template is not filled in, so a Job's own numbers are in its strategy.
  'batch.v1.JobSpec': {
    completionMode: { enum: ['Indexed', 'NonIndexed'] },
    podReplacementPolicy: { enum: ['Failed', 'TerminatingOrFailed'] },
  },
  'batch.v1.CronJobSpec': {
    concurrencyPolicy: { enum: ['Allow', 'Forbid', 'Replace'], default: 'Allow' },
    suspend: { default: false },
    successfulJobsHistoryLimit: { default: 3 },
    failedJobsHistoryLimit: { default: 1 },
  },
  'autoscaling.v1.HorizontalPodAutoscalerSpec': { minReplicas: { default: 1 } },
  'autoscaling.v2.HorizontalPodAutoscalerSpec': { minReplicas: { default: 1 } },
  'networking.v1.HTTPIngressPath': { pathType: { enum: ['Exact', 'ImplementationSpecific', 'Prefix'] } },
  'networking.v1.NetworkPolicySpec': { podSelector: OPTIONAL, policyTypes: { enum: ['Egress', 'Ingress'] } },
  'networking.v1.NetworkPolicyPort': { protocol: PROTOCOL },
  'discovery.v1.EndpointSlice': { endpoints: OPTIONAL, addressType: { enum: ['FQDN', 'IPv4', 'IPv6'] } },
  'discovery.v1.EndpointPort': { name: { default: '' }, protocol: { default: 'TCP' } },
  'authentication.v1.TokenRequestSpec': { audiences: OPTIONAL, expirationSeconds: { default: 3600 } },
  'rbac.v1.RoleRef': { apiGroup: { default: 'rbac.authorization.k8s.io' } },
  'scheduling.v1.PriorityClass': {
    value: OPTIONAL,
    preemptionPolicy: { enum: ['Never', 'PreemptLowerPriority'], default: 'PreemptLowerPriority' },
  },
  'storage.v1.StorageClass': {
    reclaimPolicy: { enum: ['Delete', 'Retain'], default: 'Delete' },
    volumeBindingMode: { enum: ['Immediate', 'WaitForFirstConsumer'], default: 'Immediate' },
  },
  'storage.v1.CSINodeSpec': { drivers: OPTIONAL },
  'storage.v1.CSIDriverSpec': {
    attachRequired: { default: true },
    podInfoOnMount: { default: false },
    fsGroupPolicy: { enum: ['File', 'None', 'ReadWriteOnceWithFSType'], default: 'ReadWriteOnceWithFSType' },
    requiresRepublish: { default: false },
    seLinuxMount: { default: false },
    storageCapacity: { default: false },
  },
  'admissionregistration.v1.ValidatingWebhook': WEBHOOK,
  'admissionregistration.v1.MutatingWebhook': {
    ...WEBHOOK,
    reinvocationPolicy: { enum: ['IfNeeded', 'Never'], default: 'Never' },
  },
  'admissionregistration.v1.RuleWithOperations': {
    scope: { enum: ['*', 'Cluster', 'Namespaced'], default: '*' },
  },
  'admissionregistration.v1.NamedRuleWithOperations': {
    scope: { enum: ['*', 'Cluster', 'Namespaced'], default: '*' },
  },
  'admissionregistration.v1.MatchResources': {
    matchPolicy: { enum: ['Equivalent', 'Exact'], default: 'Equivalent' },
    namespaceSelector: { default: {} },
    objectSelector: { default: {} },
  },
  'admissionregistration.v1.ValidatingAdmissionPolicySpec': {
    failurePolicy: { enum: ['Fail', 'Ignore'], default: 'Fail' },
  },
  'admissionregistration.v1.MutatingAdmissionPolicySpec': {
    failurePolicy: { enum: ['Fail', 'Ignore'], default: 'Fail' },
    reinvocationPolicy: { enum: ['IfNeeded', 'Never'], default: 'Never' },
  },
  'admissionregistration.v1.ServiceReference': { port: { default: 443 } },
  'apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec': {
    scope: { enum: ['Cluster', 'Namespaced'] },
    conversion: { default: { strategy: 'None' } },
  },
};
