import type { Lifecycle, Probe, SELinuxOptions } from '../../../api/types.generated.ts';
import {
  type Check,
  type CheckPod,
  hasOwnUsers,
  named,
  namesOf,
  plural,
  quoted,
  setters,
  sorted,
} from './check.ts';
import { seccompBaseline, seccompByAnnotation } from './seccomp.ts';

const privileged: CheckPod = (pod) => {
  const bad = namesOf(pod, ({ securityContext }) => securityContext?.privileged === true);
  if (bad.length === 0) return undefined;
  const detail = `${named('container', bad)} must not set securityContext.privileged=true`;
  return { reason: 'privileged', detail };
};

const hostNamespaces: CheckPod = ({ spec }) => {
  const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true);
  if (used.length === 0) return undefined;
  return { reason: 'host namespaces', detail: used.map((field) => `${field}=true`).join(', ') };
};

const hostPathVolumes: CheckPod = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
  return bad.length === 0 ? undefined : { reason: 'hostPath volumes', detail: named('volume', bad) };
};

const hostPorts: CheckPod = (pod) => {
  const portsOf = (ports: readonly { readonly hostPort?: number }[] = []) =>
    ports.flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [String(hostPort)]));
  const bad = namesOf(pod, ({ ports }) => portsOf(ports).length > 0);
  if (bad.length === 0) return undefined;
  const ports = sorted(pod.containers.flatMap((container) => portsOf(container.ports)));
  const detail = `${named('container', bad)} ${uses(bad)} ${plural('hostPort', ports.length)} ${ports.join(', ')}`;
  return { reason: 'hostPort', detail };
};

function uses(names: readonly string[]): string {
  return names.length === 1 ? 'uses' : 'use';
}

const hostProbes: CheckPod = (pod) => {
  const bad = sorted(namesOf(pod, (container) => hostsOf(container).length > 0));
  if (bad.length === 0) return undefined;
  const hosts = sorted(pod.containers.flatMap(hostsOf));
  const detail = `${named('container', bad)} ${uses(bad)} ${named('probe or lifecycle host', hosts)}`;
  return { reason: 'probe or lifecycle host', detail };
};

function hostsOf(container: {
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly lifecycle?: Lifecycle;
}): string[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
  const all = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop];
  return all
    .flatMap((one) => [one?.httpGet?.host ?? '', one?.tcpSocket?.host ?? ''])
    .filter((host) => host !== '');
}

const USUAL_CAPABILITIES: ReadonlySet<string> = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

const capabilities: CheckPod = (pod) => {
  const strange = (names: readonly string[] = []) => names.filter((name) => !USUAL_CAPABILITIES.has(name));
  const bad = namesOf(pod, ({ securityContext }) => strange(securityContext?.capabilities?.add).length > 0);
  if (bad.length === 0) return undefined;
  const added = sorted(
    pod.containers.flatMap(({ securityContext }) => strange(securityContext?.capabilities?.add)),
  );
  const detail = `${named('container', bad)} must not include ${quoted(added)} in securityContext.capabilities.add`;
  return { reason: 'non-default capabilities', detail };
};

export const procMount: CheckPod = (pod) => {
  const mountOf = (context: { readonly procMount?: string } | undefined) => context?.procMount ?? 'Default';
  const bad = namesOf(pod, ({ securityContext }) => mountOf(securityContext) !== 'Default');
  if (bad.length === 0) return undefined;
  const mounts = sorted(pod.containers.map(({ securityContext }) => mountOf(securityContext))).filter(
    (mount) => mount !== 'Default',
  );
  const detail = `${named('container', bad)} must not set securityContext.procMount to ${quoted(mounts)}`;
  return { reason: 'procMount', detail };
};

const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/';

const appArmorProfile: CheckPod = (pod) => {
  const { metadata, spec } = pod;
  const isBad = (type: string | undefined) =>
    type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
  const own = spec.securityContext?.appArmorProfile?.type;
  const bad = namesOf(pod, ({ securityContext }) => isBad(securityContext?.appArmorProfile?.type));
  const types = [own, ...pod.containers.map(({ securityContext }) => securityContext?.appArmorProfile?.type)];
  const annotations = Object.entries(metadata.annotations ?? {})
    .filter(([key, value]) => key.startsWith(APP_ARMOR) && !isUsualProfile(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  const who = setters(isBad(own), bad);
  if (annotations.length > 0) who.push(plural('annotation', annotations.length));
  if (who.length === 0) return undefined;
  const values = [...sorted(types.filter(isBad).map(String)), ...annotations];
  const detail = `${who.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`;
  return { reason: plural('forbidden AppArmor profile', values.length), detail };
};

function isUsualProfile(profile: string): boolean {
  return profile === '' || profile === 'runtime/default' || profile.startsWith('localhost/');
}

const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t'];

function seLinuxOptions(types: readonly string[]): CheckPod {
  const isBad = (options: SELinuxOptions | undefined) =>
    options !== undefined &&
    (!types.includes(options.type ?? '') || (options.user ?? '') !== '' || (options.role ?? '') !== '');
  return (pod) => {
    const own = pod.spec.securityContext?.seLinuxOptions;
    const bad = namesOf(pod, ({ securityContext }) => isBad(securityContext?.seLinuxOptions));
    const who = setters(isBad(own), bad);
    if (who.length === 0) return undefined;
    const all = [own, ...pod.containers.map(({ securityContext }) => securityContext?.seLinuxOptions)];
    const strange = sorted(all.map((options) => options?.type ?? '').filter((type) => !types.includes(type)));
    const what = [
      ...(strange.length === 0 ? [] : [named('type', strange)]),
      ...(all.some((options) => (options?.user ?? '') !== '') ? ['user may not be set'] : []),
      ...(all.some((options) => (options?.role ?? '') !== '') ? ['role may not be set'] : []),
    ];
    const detail = `${who.join(' and ')} set forbidden securityContext.seLinuxOptions: ${what.join('; ')}`;
    return { reason: 'seLinuxOptions', detail };
  };
}

const SYSCTLS = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
];
const SYSCTLS_27 = [...SYSCTLS, 'net.ipv4.ip_local_reserved_ports'];
const SYSCTLS_29 = [
  ...SYSCTLS_27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
];
const SYSCTLS_32 = [...SYSCTLS_29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];

function sysctls(allowed: readonly string[]): CheckPod {
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? [])
      .map(({ name }) => name)
      .filter((name) => !allowed.includes(name));
    return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') };
  };
}

const windowsHostProcess: CheckPod = (pod) => {
  const bad = namesOf(pod, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true);
  const who = setters(pod.spec.securityContext?.windowsOptions?.hostProcess === true, bad);
  if (who.length === 0) return undefined;
  const detail = `${who.join(' and ')} must not set securityContext.windowsOptions.hostProcess=true`;
  return { reason: 'hostProcess', detail };
};

function baseline(id: string, ...versions: [number, CheckPod][]): Check {
  return { id, level: 'baseline', versions: versions.map(([since, check]) => ({ since, check })) };
}

export const BASELINE: readonly Check[] = [
  baseline('appArmorProfile', [0, appArmorProfile]),
  baseline('capabilities_baseline', [0, capabilities]),
  baseline('hostNamespaces', [0, hostNamespaces]),
  baseline('hostPathVolumes', [0, hostPathVolumes]),
  baseline('hostPorts', [0, hostPorts]),
  baseline('hostProbesAndHostLifecycle', [34, hostProbes]),
  baseline('privileged', [0, privileged]),
  baseline('procMount', [0, procMount], [35, (pod) => (hasOwnUsers(pod) ? undefined : procMount(pod))]),
  baseline(
    'seLinuxOptions',
    [0, seLinuxOptions(SELINUX_TYPES)],
    [31, seLinuxOptions([...SELINUX_TYPES, 'container_engine_t'])],
  ),
  baseline('seccompProfile_baseline', [0, seccompByAnnotation], [19, seccompBaseline]),
  baseline(
    'sysctls',
    [0, sysctls(SYSCTLS)],
    [27, sysctls(SYSCTLS_27)],
    [29, sysctls(SYSCTLS_29)],
    [32, sysctls(SYSCTLS_32)],
  ),
  baseline('windowsHostProcess', [0, windowsHostProcess]),
];
