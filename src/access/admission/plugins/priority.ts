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
  handles: (request) => createsPod(request) || writesClass(request),
  async mutate(request) {
    if (!createsPod(request)) return;
    const spec = objectAt(request.object, 'spec');
    const { value, preemptionPolicy, name } = await classOf(request, textAt(spec, 'priorityClassName'));
    if (name !== '') spec.priorityClassName = name;
    check(request, { field: 'priority', given: spec.priority, computed: value });
    check(request, { field: 'preemptionPolicy', given: spec.preemptionPolicy, computed: preemptionPolicy });
    spec.priority = value;
    spec.preemptionPolicy = preemptionPolicy;
  },
  async validate(request) {
    if (!writesClass(request) || request.object.globalDefault !== true) return;
    const all = await request.reader.list(RESOURCE, request.signal);
    const other = all.find((each) => each.globalDefault === true && each.metadata.name !== request.name);
    if (other === undefined) return;
    throw forbidden(
      request,
      `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`,
    );
  },
};

function writesClass({ kind, operation }: AdmissionRequest): boolean {
  return kind.resource === 'priorityclasses' && (operation === 'CREATE' || operation === 'UPDATE');
}

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
  const [type, word] = field === 'priority' ? ['integer', 'priority'] : ['string', 'PreemptionPolicy'];
  throw forbidden(
    request,
    `the ${type} value of ${word} (${String(given)}) must not be provided in pod spec; priority admission controller computed ${String(computed)} from the given PriorityClass name`,
  );
}
