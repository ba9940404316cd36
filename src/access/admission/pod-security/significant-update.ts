import type { Container, EphemeralContainer, ObjectMeta, Pod } from '../../../api/types.generated.ts';

const POD_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod';
const CONTAINER_ANNOTATION = 'container.seccomp.security.alpha.kubernetes.io/';

/** Whether an update changes something that can be changed and matters: images, added containers, old annotations. */
export function isSignificantUpdate(pod: Pod, old: Pod): boolean {
  if (annotation(pod.metadata, POD_ANNOTATION) !== annotation(old.metadata, POD_ANNOTATION)) return true;
  return (['containers', 'initContainers', 'ephemeralContainers'] as const).some((field) => {
    const now: readonly (Container | EphemeralContainer)[] = pod.spec?.[field] ?? [];
    const before: readonly (Container | EphemeralContainer)[] = old.spec?.[field] ?? [];
    if (field !== 'ephemeralContainers' && now.length !== before.length) return true;
    return now.some((container) => {
      const known = before.find(({ name }) => name === container.name);
      const key = `${CONTAINER_ANNOTATION}${container.name}`;
      return (
        known?.image !== container.image || annotation(pod.metadata, key) !== annotation(old.metadata, key)
      );
    });
  });
}

function annotation(metadata: ObjectMeta | undefined, key: string): string {
  return metadata?.annotations?.[key] ?? '';
}
