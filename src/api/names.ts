/** What the OpenAPI document leaves out about resources; facts of upstream, by `resource.group`. */
export interface ResourceNames {
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Where the store holds another version or group than the one served. */
  readonly storageVersion?: string;
  readonly storageGroup?: string;
}

const ALL = ['all'];
const EXTENSIONS = ['api-extensions'];

export const RESOURCE_NAMES: Readonly<Record<string, ResourceNames>> = {
  componentstatuses: { shortNames: ['cs'] },
  configmaps: { shortNames: ['cm'] },
  endpoints: { shortNames: ['ep'] },
  events: { shortNames: ['ev'] },
  limitranges: { shortNames: ['limits'] },
  namespaces: { shortNames: ['ns'] },
  nodes: { shortNames: ['no'] },
  persistentvolumeclaims: { shortNames: ['pvc'] },
  persistentvolumes: { shortNames: ['pv'] },
  pods: { shortNames: ['po'], categories: ALL },
  replicationcontrollers: { shortNames: ['rc'], categories: ALL },
  resourcequotas: { shortNames: ['quota'] },
  serviceaccounts: { shortNames: ['sa'] },
  services: { shortNames: ['svc'], categories: ALL },
  'daemonsets.apps': { shortNames: ['ds'], categories: ALL },
  'deployments.apps': { shortNames: ['deploy'], categories: ALL },
  'replicasets.apps': { shortNames: ['rs'], categories: ALL },
  'statefulsets.apps': { shortNames: ['sts'], categories: ALL },
  'horizontalpodautoscalers.autoscaling': { shortNames: ['hpa'], categories: ALL, storageVersion: 'v2' },
  'cronjobs.batch': { shortNames: ['cj'], categories: ALL },
  'jobs.batch': { categories: ALL },
  'certificatesigningrequests.certificates.k8s.io': { shortNames: ['csr'] },
  'events.events.k8s.io': { shortNames: ['ev'], storageGroup: '', storageVersion: 'v1' },
  'ingresses.networking.k8s.io': { shortNames: ['ing'] },
  'ipaddresses.networking.k8s.io': { shortNames: ['ip'] },
  'networkpolicies.networking.k8s.io': { shortNames: ['netpol'] },
  'poddisruptionbudgets.policy': { shortNames: ['pdb'] },
  'priorityclasses.scheduling.k8s.io': { shortNames: ['pc'] },
  'storageclasses.storage.k8s.io': { shortNames: ['sc'] },
  'volumeattributesclasses.storage.k8s.io': { shortNames: ['vac'] },
  'customresourcedefinitions.apiextensions.k8s.io': { shortNames: ['crd', 'crds'], categories: EXTENSIONS },
  'apiservices.apiregistration.k8s.io': { categories: EXTENSIONS },
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': { categories: EXTENSIONS },
  'validatingwebhookconfigurations.admissionregistration.k8s.io': { categories: EXTENSIONS },
  'mutatingadmissionpolicies.admissionregistration.k8s.io': { categories: EXTENSIONS },
  'mutatingadmissionpolicybindings.admissionregistration.k8s.io': { categories: EXTENSIONS },
  'validatingadmissionpolicies.admissionregistration.k8s.io': { categories: EXTENSIONS },
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': { categories: EXTENSIONS },
};
