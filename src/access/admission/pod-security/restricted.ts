import { procMount } from './baseline.ts';
import {
  type Check,
  type CheckPod,
  hasOwnUsers,
  isWindows,
  named,
  namesOf,
  quoted,
  setters,
  sorted,
} from './check.ts';
import { seccompRestricted } from './seccomp.ts';

const allowPrivilegeEscalation: CheckPod = (pod) => {
  const bad = namesOf(pod, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  if (bad.length === 0) return undefined;
  const detail = `${named('container', bad)} must set securityContext.allowPrivilegeEscalation=false`;
  return { reason: 'allowPrivilegeEscalation != false', detail };
};

const capabilities: CheckPod = (pod) => {
  const extra = (names: readonly string[] = []) => names.filter((name) => name !== 'NET_BIND_SERVICE');
  const keeping = namesOf(
    pod,
    ({ securityContext }) => securityContext?.capabilities?.drop?.includes('ALL') !== true,
  );
  const adding = namesOf(pod, ({ securityContext }) => extra(securityContext?.capabilities?.add).length > 0);
  const added = sorted(
    pod.containers.flatMap(({ securityContext }) => extra(securityContext?.capabilities?.add)),
  );
  const details: string[] = [];
  if (keeping.length > 0)
    details.push(`${named('container', keeping)} must set securityContext.capabilities.drop=["ALL"]`);
  if (adding.length > 0)
    details.push(
      `${named('container', adding)} must not include ${quoted(added)} in securityContext.capabilities.add`,
    );
  return details.length === 0
    ? undefined
    : { reason: 'unrestricted capabilities', detail: details.join('; ') };
};

const VOLUMES: ReadonlySet<string> = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);

const volumes: CheckPod = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter(
    (volume) => !Object.keys(volume).some((source) => VOLUMES.has(source)),
  );
  if (bad.length === 0) return undefined;
  const types = sorted(
    bad.map((volume) => Object.keys(volume).find((source) => source !== 'name') ?? 'unknown'),
  );
  const names = bad.map(({ name }) => name);
  const use = names.length === 1 ? 'uses' : 'use';
  const detail = `${named('volume', names)} ${use} ${named('restricted volume type', types)}`;
  return { reason: 'restricted volume types', detail };
};

const runAsNonRoot: CheckPod = (pod) => {
  const reason = 'runAsNonRoot != true';
  const own = pod.spec.securityContext?.runAsNonRoot;
  const bad = namesOf(pod, ({ securityContext }) => securityContext?.runAsNonRoot === false);
  const who = setters(own === false, bad);
  if (who.length > 0)
    return { reason, detail: `${who.join(' and ')} must not set securityContext.runAsNonRoot=false` };
  if (own === true) return undefined;
  const missing = namesOf(pod, ({ securityContext }) => securityContext?.runAsNonRoot === undefined);
  if (missing.length === 0) return undefined;
  const detail = `pod or ${named('container', missing)} must set securityContext.runAsNonRoot=true`;
  return { reason, detail };
};

const runAsUser: CheckPod = (pod) => {
  const bad = namesOf(pod, ({ securityContext }) => securityContext?.runAsUser === 0);
  const who = setters(pod.spec.securityContext?.runAsUser === 0, bad);
  if (who.length === 0) return undefined;
  return { reason: 'runAsUser=0', detail: `${who.join(' and ')} must not set runAsUser=0` };
};

/** Windows has none of this, and its pods may not ask for it. */
function notOnWindows(check: CheckPod): CheckPod {
  return (pod) => (isWindows(pod) ? undefined : check(pod));
}

function notWithOwnUsers(check: CheckPod): CheckPod {
  return (pod) => (hasOwnUsers(pod) ? undefined : check(pod));
}

function restricted(id: string, overrides: string, ...versions: [number, CheckPod][]): Check {
  const listed = versions.map(([since, check]) => ({ since, check }));
  return { id, level: 'restricted', versions: listed, ...(overrides === '' ? {} : { overrides }) };
}

export const RESTRICTED: readonly Check[] = [
  restricted(
    'allowPrivilegeEscalation',
    '',
    [8, allowPrivilegeEscalation],
    [25, notOnWindows(allowPrivilegeEscalation)],
  ),
  restricted(
    'capabilities_restricted',
    'capabilities_baseline',
    [22, capabilities],
    [25, notOnWindows(capabilities)],
  ),
  restricted('procMount_restricted', 'procMount', [35, procMount]),
  restricted('restrictedVolumes', 'hostPathVolumes', [0, volumes]),
  restricted('runAsNonRoot', '', [0, runAsNonRoot], [35, notWithOwnUsers(runAsNonRoot)]),
  restricted('runAsUser', '', [23, runAsUser], [35, notWithOwnUsers(runAsUser)]),
  restricted(
    'seccompProfile_restricted',
    'seccompProfile_baseline',
    [19, seccompRestricted],
    [25, notOnWindows(seccompRestricted)],
  ),
];
