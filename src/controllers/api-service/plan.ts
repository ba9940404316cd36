import { groupPriority, isBuiltInGroup, versionPriority } from '../../api/group-priorities.ts';
import type { Kind } from '../../api/kind.ts';
import type { APIService } from '../../api/types.generated.ts';

export const AUTOMANAGED = 'kube-aggregator.kubernetes.io/automanaged';

/** Makes one that is not there, changes one that is ours, removes ours when nothing serves it; undefined: all is well. */
export type Step =
  | { readonly type: 'create' | 'update'; readonly object: APIService }
  | { readonly type: 'delete' };

/** `v1.apps`, and `v1.` of the core group. */
export function nameOf({ group, version }: Pick<Kind, 'group' | 'version'>): string {
  return `${version}.${group}`;
}

/** What is to be done about the APIService of this name, given what this server serves itself. */
export function planService(
  name: string,
  now: APIService | undefined,
  served: ReadonlyMap<string, Pick<Kind, 'group' | 'version'>>,
): Step | undefined {
  const here = served.get(name);
  const isOurs = now?.metadata?.labels?.[AUTOMANAGED] !== undefined;
  if (here === undefined) return now !== undefined && isOurs ? { type: 'delete' } : undefined;
  const wanted = serviceFor(here);
  if (now === undefined) return { type: 'create', object: wanted };
  // One that somebody made leads elsewhere because they say so.
  if (!isOurs || isSame(now, wanted)) return undefined;
  const metadata = { ...now.metadata, labels: { ...now.metadata?.labels, ...wanted.metadata?.labels } };
  return {
    type: 'update',
    object: { ...now, metadata, ...(wanted.spec === undefined ? {} : { spec: wanted.spec }) },
  };
}

function serviceFor({ group, version }: Pick<Kind, 'group' | 'version'>): APIService {
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: {
      name: nameOf({ group, version }),
      labels: { [AUTOMANAGED]: isBuiltInGroup(group) ? 'onstart' : 'true' },
    },
    spec: {
      // Empty is what the core group's is.
      ...(group === '' ? {} : { group }),
      version,
      groupPriorityMinimum: groupPriority(group),
      versionPriority: versionPriority(group, version),
    },
  };
}

function isSame(now: APIService, wanted: APIService): boolean {
  const [a, b] = [now.spec, wanted.spec];
  return (
    a?.service === undefined &&
    (a?.group ?? '') === (b?.group ?? '') &&
    a?.version === b?.version &&
    a?.groupPriorityMinimum === b?.groupPriorityMinimum &&
    a?.versionPriority === b?.versionPriority
  );
}

/** Whether one that this server answers itself still lacks the condition that says so. */
export function lacksLocal({ spec, status }: APIService): boolean {
  if (spec?.service !== undefined) return false;
  const known = status?.conditions?.find(({ type }) => type === 'Available');
  return known?.status !== 'True' || known.reason !== 'Local';
}

/** The group-versions served here, by the name of their APIService. */
export function servedHere(kinds: readonly Kind[]): ReadonlyMap<string, Pick<Kind, 'group' | 'version'>> {
  const found = new Map<string, Pick<Kind, 'group' | 'version'>>();
  for (const { group, version } of kinds) found.set(nameOf({ group, version }), { group, version });
  return found;
}
