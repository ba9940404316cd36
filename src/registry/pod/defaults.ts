import { isJsonObject, type JsonObject } from '../../api/json.ts';
import { ensure, items, part, text } from '../fields.ts';

/** Defaults of a pod's spec that compute; those that are constants come from the schema. For pods and templates. */
export function podSpecDefaults(spec: JsonObject): void {
  for (const container of [...items(spec, 'initContainers'), ...items(spec, 'containers')])
    containerDefaults(container, spec.hostNetwork === true);
  for (const container of items(spec, 'ephemeralContainers')) pullPolicy(container);
  for (const volume of items(spec, 'volumes')) {
    // A volume without a source has always been an empty directory.
    if (Object.keys(volume).length === 1) volume.emptyDir = {};
  }
  serviceAccount(spec);
}

function containerDefaults(container: JsonObject, hostNetwork: boolean): void {
  pullPolicy(container);
  requestsFromLimits(container);
  for (const port of items(container, 'ports')) {
    if (hostNetwork && port.hostPort === undefined) port.hostPort = port.containerPort;
  }
}

function pullPolicy(container: JsonObject): void {
  const image = text(container, 'image');
  if (text(container, 'imagePullPolicy') !== '' || image === '') return;
  container.imagePullPolicy = tagOf(image) === 'latest' ? 'Always' : 'IfNotPresent';
}

/** `latest` where neither a tag nor a digest says otherwise. */
function tagOf(image: string): string {
  if (image.includes('@')) return '';
  const last = image.slice(image.lastIndexOf('/') + 1);
  const colon = last.indexOf(':');
  return colon < 0 ? 'latest' : last.slice(colon + 1);
}

/** What is limited and not requested is requested up to its limit. */
function requestsFromLimits(container: JsonObject): void {
  const limits = part(part(container, 'resources'), 'limits');
  if (Object.keys(limits).length === 0) return;
  const resources = ensure(container, 'resources');
  resources.requests = { ...limits, ...part(resources, 'requests') };
}

/** `serviceAccount` is the older name of `serviceAccountName`: the two are kept equal. */
function serviceAccount(spec: JsonObject): void {
  const name = text(spec, 'serviceAccountName') || text(spec, 'serviceAccount');
  if (name === '') return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
export function qosClass(spec: JsonObject): QosClass {
  const containers = [...items(spec, 'initContainers'), ...items(spec, 'containers')];
  let any = false;
  let guaranteed = true;
  for (const container of containers) {
    const requests = compute(part(part(container, 'resources'), 'requests'));
    const limits = compute(part(part(container, 'resources'), 'limits'));
    if (Object.keys(requests).length > 0 || Object.keys(limits).length > 0) any = true;
    for (const name of ['cpu', 'memory']) {
      if (limits[name] === undefined || requests[name] !== limits[name]) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

/** Only processor and memory decide, and none of what is zero. */
function compute(resources: JsonObject): JsonObject {
  const counted = Object.entries(resources).filter(
    ([name, amount]) => (name === 'cpu' || name === 'memory') && amount !== '0',
  );
  return Object.fromEntries(counted);
}

/** Defaults of the pod template below `spec` of a workload. */
export function templateDefaults(object: { readonly [field: string]: unknown }): void {
  const spec = part(part(object.spec, 'template'), 'spec');
  if (isJsonObject(spec) && Object.keys(spec).length > 0) podSpecDefaults(spec);
}
