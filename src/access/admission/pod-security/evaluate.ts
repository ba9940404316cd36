import { BASELINE } from './baseline.ts';
import type { Check, CheckPod, PodParts, Violation } from './check.ts';
import type { LevelVersion } from './policy.ts';
import { RESTRICTED } from './restricted.ts';

/** Everything a level of the standards has against a pod, in the order of the checks' names. */
export function violations({ level, version }: LevelVersion, pod: PodParts): readonly Violation[] {
  if (level === 'privileged') return [];
  return checksOf(level, version).flatMap((check) => check(pod) ?? []);
}

const ALL = [...BASELINE, ...RESTRICTED].sort((a, b) => (a.id < b.id ? -1 : 1));

function checksOf(level: 'baseline' | 'restricted', version: number): CheckPod[] {
  const used = ALL.filter((check) => level === 'restricted' || check.level === 'baseline').flatMap(
    (check) => {
      const found = check.versions.findLast(({ since }) => since <= version);
      return found === undefined ? [] : [{ ...check, check: found.check }];
    },
  );
  const overridden = new Set(used.map(({ overrides }: Check) => overrides));
  return used.filter(({ id }) => !overridden.has(id)).map(({ check }) => check);
}

/** `reason (detail), reason (detail)` */
export function describe(found: readonly Violation[]): string {
  return found.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');
}
