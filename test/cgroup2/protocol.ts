/** One line of JSON each, from the guest. */
export type Line =
  | { readonly kind: 'booted' | 'end' }
  | { readonly kind: 'passed'; readonly name: string; readonly milliseconds: number }
  | { readonly kind: 'skipped'; readonly name: string; readonly reason: string }
  | {
      readonly kind: 'failed';
      readonly name: string;
      readonly milliseconds: number;
      readonly message: string;
    };

/** The tests of the engine conformance suite that depend on which cgroups there are. */
export const CONFORMANCE = [
  'creates, starts, stops and removes, each twice',
  'removes a sandbox in which something runs, and leaves nothing',
  'kills what is deaf to the stop signal: 137',
  'ends a process that goes over its memory limit, and says so',
  'counts what a sandbox uses',
  'execs: output, input and exit code',
  'a new engine adopts what runs and what has ended',
] as const;

/** The tests of `limits.ts`, by what each is about. */
export const LIMITS = {
  written: 'writes the limits of the pod and of its containers where the kernel reads them',
  podMemory: 'ends a container that takes more than the pod may, though it has no limit itself, and says so',
  together: 'ends all processes of a container together when its memory is full',
  pids: 'refuses a pod more processes than it may have',
  cpu: 'slows a container down to its share of a CPU',
  stats: 'counts memory, processes and CPU time as the kernel does',
  inside: 'shows a container its own limits and nobody else',
  exec: 'counts what exec runs against the limits of the container',
  busy: 'says which controllers cannot be had, and leaves nothing',
} as const;

export function wantedNames(): string[] {
  return [...CONFORMANCE, ...Object.values(LIMITS)];
}
