import { equalJson, isJsonObject, type JsonObject } from '../../../api/json.ts';
import type { ApiObject } from '../../../api/kind.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { createsPod, forbidden } from '../faults.ts';
import { listAt, objectAt, objectsAt, textAt } from '../fields.ts';

/** https://kubernetes.io/docs/concepts/containers/runtime-class/: overhead and scheduling come from the class. */
export const runtimeClass: AdmissionPlugin = {
  name: 'RuntimeClass',
  handles: createsPod,
  async mutate(request) {
    const spec = objectAt(request.object, 'spec');
    const found = await runtimeClassOf(request, spec);
    if (found === undefined) return;
    setOverhead(request, spec, found);
    setScheduling(request, spec, found);
  },
  async validate(request) {
    const spec = objectAt(request.object, 'spec');
    if (textAt(spec, 'runtimeClassName') === '' && isJsonObject(spec.overhead))
      throw forbidden(request, 'Pod Overhead set without corresponding RuntimeClass defined Overhead');
  },
};

/** The pod's class, or undefined when it names none. @throws Forbidden when it does not exist. */
export async function runtimeClassOf(
  request: AdmissionRequest,
  spec: JsonObject,
): Promise<Readonly<ApiObject> | undefined> {
  const name = textAt(spec, 'runtimeClassName');
  if (name === '') return undefined;
  const at = { namespace: '', name };
  const found = await request.reader.get('runtimeclasses.node.k8s.io', at, request.signal);
  if (found === undefined)
    throw forbidden(request, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  return found;
}

function setOverhead(request: AdmissionRequest, spec: JsonObject, found: Readonly<ApiObject>): void {
  const overhead = found.overhead;
  const fixed = isJsonObject(overhead) ? overhead.podFixed : undefined;
  const own = spec.overhead;
  if (own !== undefined && !equalJson(own, fixed ?? {}))
    throw forbidden(
      request,
      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead: leave spec.overhead out",
    );
  if (isJsonObject(fixed)) spec.overhead = { ...fixed };
}

function setScheduling(request: AdmissionRequest, spec: JsonObject, found: Readonly<ApiObject>): void {
  const scheduling = found.scheduling;
  if (!isJsonObject(scheduling)) return;
  const wanted = isJsonObject(scheduling.nodeSelector) ? scheduling.nodeSelector : {};
  if (Object.keys(wanted).length > 0) {
    const own = objectAt(spec, 'nodeSelector');
    for (const [key, value] of Object.entries(wanted)) {
      if (own[key] !== undefined && own[key] !== value)
        throw forbidden(
          request,
          `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${String(value)}; pod.spec.nodeSelector[${key}] = ${String(own[key])}`,
        );
      own[key] = value;
    }
  }
  for (const toleration of objectsAt(scheduling, 'tolerations')) {
    const own = listAt(spec, 'tolerations');
    if (!own.some((each) => equalJson(each, toleration))) own.push({ ...toleration });
  }
}
