import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { createsPod, forbidden } from '../faults.ts';
import { objectAt, textAt } from '../fields.ts';

const RESOURCE = 'priorityclasses.scheduling.k8s.io';

/** Classes that are there before anybody makes them. */
const BUILT_IN: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

/** A pod's priority and preemption policy come from its class, or from the class that is the default. */
export const priority: AdmissionPlugin = {
  name: 'Priority',
  handles: createsPod,
  async mutate(request) {
    const spec = objectAt(request.object, 'spec');
    const { value, preemptionPolicy, name } = await classOf(request, textAt(spec, 'priorityClassName'));
    if (name !== '') spec.priorityClassName = name;
    check(request, { field: 'priority', given: spec.priority, computed: value });
    check(request, { field: 'preemptionPolicy', given: spec.preemptionPolicy, computed: preemptionPolicy });
    spec.priority = value;
    spec.preemptionPolicy = preemptionPolicy;
  },
};

interface Found {
  readonly name: string;
  readonly value: number;
  readonly preemptionPolicy: string;
}

async function classOf(request: AdmissionRequest, name: string): Promise<Found> {
  const { reader, signal } = request;
  if (name === '') {
    const all = await reader.list(RESOURCE, signal);
    const defaults = all.filter((each) => each.globalDefault === true).map(found);
    // Of several defaults the least counts.
    const [least] = defaults.sort((a, b) => a.value - b.value);
    return least ?? { name: '', value: 0, preemptionPolicy: 'PreemptLowerPriority' };
  }
  const known = await reader.get(RESOURCE, { namespace: '', name }, signal);
  if (known !== undefined) return found(known);
  const value = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
  if (value === undefined) throw forbidden(request, `no PriorityClass with name ${name} was found`);
  return { name, value, preemptionPolicy: 'PreemptLowerPriority' };
}

function found(object: Readonly<AdmissionRequest['object']>): Found {
  const value = object.value;
  const policy = object.preemptionPolicy;
  return {
    name: object.metadata.name,
    value: typeof value === 'number' ? value : 0,
    preemptionPolicy: typeof policy === 'string' ? policy : 'PreemptLowerPriority',
  };
}

function check(
  request: AdmissionRequest,
  { field, given, computed }: { readonly field: string; readonly given: unknown; readonly computed: unknown },
): void {
  if (given === undefined || given === computed) return;
  throw forbidden(
    request,
    `the ${field} provided in pod spec (${String(given)}) is not the one of its PriorityClass (${String(computed)}): leave spec.${field} out`,
  );
}
