import type { Pod } from '../../../api/types.generated.ts';
import { LIMITS } from '../../../lib/limits.ts';
import type { AdmissionRequest } from '../admission.ts';
import { partsOf } from './check.ts';
import { violations } from './evaluate.ts';
import { formatLevel, type LevelVersion } from './policy.ts';

/** What an administrator is told who makes a namespace stricter than its pods are; bounded in pods and in time. */
export async function warningsFor(
  request: AdmissionRequest,
  options: {
    readonly enforce: LevelVersion;
    readonly exemptions: { readonly runtimeClasses: readonly string[] };
  },
): Promise<readonly string[]> {
  const { enforce, exemptions } = options;
  const { reader, name, signal } = request;
  const all = (await reader.list('pods', signal, name)) as readonly unknown[] as readonly Pod[]; // Of that kind.
  const until = performance.now() + LIMITS.podSecurityCheckMs;
  const names = new Map<string, string[]>();
  let checked = 0;
  for (const { metadata = {}, spec } of all.slice(0, LIMITS.podSecurityCheckPods)) {
    if (performance.now() > until) break;
    checked += 1;
    if (spec === undefined || exemptions.runtimeClasses.includes(spec.runtimeClassName ?? '')) continue;
    const found = violations(enforce, partsOf(metadata, spec)).map(({ reason }) => reason);
    if (found.length === 0) continue;
    const why = found.join(', ');
    const known = names.get(why) ?? [];
    known.push(metadata.name ?? '');
    names.set(why, known);
  }
  const warnings: string[] = [];
  if (checked < all.length)
    warnings.push(
      `new PodSecurity enforce level only checked against the first ${checked} of ${all.length} existing pods`,
    );
  if (names.size > 0)
    warnings.push(
      `existing pods in namespace ${JSON.stringify(name)} violate the new PodSecurity enforce level ${JSON.stringify(formatLevel(enforce))}`,
    );
  return [...warnings, ...[...names].map(([why, pods]) => `${who(pods)}: ${why}`).sort()];
}

function who(pods: readonly string[]): string {
  const [first = ''] = [...pods].sort();
  if (pods.length === 1) return first;
  return pods.length === 2 ? `${first} (and 1 other pod)` : `${first} (and ${pods.length - 1} other pods)`;
}
