import type { ApiObject } from '../../api/kind.ts';
import { forbidden } from '../field-errors.ts';
import { ensure, items, part, text } from '../fields.ts';
import { podSpecDefaults, qosClass } from '../pod/defaults.ts';
import { ephemeralContainersStay, validateEphemeralContainers } from '../pod/ephemeral-containers.ts';
import { validatePodUpdate } from '../pod/immutable.ts';
import { keepAllButResources, validateResize } from '../pod/resize.ts';
import { validatePodSpec } from '../pod/validate.ts';
import type { Strategy } from '../strategy.ts';

const FORMER_GRACE_SECONDS = 30;

export const pods: Strategy = {
  resource: 'pods',
  returnsDeleted: true,
  generation: true,
  defaults(pod) {
    const spec = ensure(pod, 'spec');
    spec.enableServiceLinks ??= true;
    podSpecDefaults(spec);
  },
  prepareCreate(pod) {
    // Upstream decides the class of service on create; admission may still add what does not change it.
    pod.status = { phase: 'Pending', qosClass: qosClass(part(pod, 'spec')) };
  },
  prepareStatus(pod, old) {
    pod.spec = old.spec;
    if (old.metadata.ownerReferences === undefined) delete pod.metadata.ownerReferences;
    else pod.metadata.ownerReferences = old.metadata.ownerReferences;
  },
  subresources: {
    ephemeralcontainers: keepAllBut('ephemeralContainers'),
    resize: keepAllButResources,
  },
  validate(pod, { change }) {
    const spec = part(pod, 'spec');
    const details = [...validatePodSpec(spec, 'spec'), ...validateEphemeralContainers(spec, 'spec')];
    if (change === undefined && items(spec, 'ephemeralContainers').length > 0)
      details.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'));
    return details;
  },
  validateSubresource: { ephemeralcontainers: ephemeralContainersStay, resize: validateResize },
  validateUpdate: (pod, old) => validatePodUpdate(pod, old),
  grace: podGrace,
};

/** Everything but one field of the spec stays as it was. */
function keepAllBut(field: string) {
  return (pod: ApiObject, old: Readonly<ApiObject>): void => {
    const { [field]: _earlier, ...kept } = part(old, 'spec');
    const next = part(pod, 'spec')[field];
    pod.spec = next === undefined ? kept : { ...kept, [field]: next };
    pod.metadata = { ...old.metadata };
    pod.status = old.status;
  };
}

/** Seconds a pod gets to end. What runs nowhere, or has ended, needs none. */
function podGrace(pod: Readonly<ApiObject>, asked: number | undefined): number {
  const spec = part(pod, 'spec');
  const phase = text(part(pod, 'status'), 'phase');
  if (text(spec, 'nodeName') === '' || phase === 'Failed' || phase === 'Succeeded') return 0;
  const own = spec.terminationGracePeriodSeconds;
  const grace = asked ?? (typeof own === 'number' ? own : FORMER_GRACE_SECONDS);
  // A negative value was once allowed and means the shortest there is.
  return grace < 0 ? 1 : grace;
}
