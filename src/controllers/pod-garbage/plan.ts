import type { Pod } from '../../api/types.generated.ts';

/** Whether nobody is left who would end this pod: its node is gone, or it was never bound and is to go. */
export function isGarbage(pod: Pod, nodeExists: boolean): boolean {
  const bound = pod.spec?.nodeName !== undefined && pod.spec.nodeName !== '';
  if (bound) return !nodeExists;
  return pod.metadata?.deletionTimestamp !== undefined;
}
