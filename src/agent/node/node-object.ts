import type { NodeCondition, NodeStatus } from '../../api/types.generated.ts';
import type { ClassFingerprint } from '../../engines/sandbox-spec.ts';
import type { Image } from '../../images/images.ts';
import { toTime } from '../../lib/clock.ts';
import { KIB } from '../../lib/limits.ts';
import type { AgentOptions } from '../options.ts';
import type { MachineFacts } from './machine.ts';
import type { Pressure } from './pressure.ts';

/** The version of Kubernetes whose node agent this one behaves like. */
const KUBELET_VERSION = 'v1.36.0+amphora';
const MAX_PODS = 110;
/** Images told in the status, the largest first, as kubelet bounds it. */
const MAX_IMAGES = 50;

export function nodeLabels(
  options: AgentOptions,
  classes: readonly ClassFingerprint[],
  facts: MachineFacts,
): Record<string, string> {
  return {
    'kubernetes.io/hostname': options.nodeName,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': facts.architecture,
    ...Object.fromEntries(
      classes.map((one) => [
        `amphora.dev/runtime-class-${one.runtimeClass}`,
        one.available ? 'available' : 'unavailable',
      ]),
    ),
  };
}

export interface NodeView {
  readonly classes: readonly ClassFingerprint[];
  readonly facts: MachineFacts;
  readonly images: readonly Image[];
  readonly before: NodeStatus | undefined;
  readonly pressure: Pressure;
}

export function nodeStatus(options: AgentOptions, view: NodeView): NodeStatus {
  const { facts } = view;
  const capacity = {
    cpu: String(facts.cpus),
    memory: `${Math.floor(facts.memoryBytes / KIB)}Ki`,
    'ephemeral-storage': `${Math.floor(facts.diskBytes / KIB)}Ki`,
    pods: String(MAX_PODS),
  };
  const allocatable = {
    ...capacity,
    cpu: `${options.allocatable.cpuMillis}m`,
    memory: `${Math.floor(options.allocatable.memoryBytes / KIB)}Ki`,
  };
  return {
    addresses: [...options.nodeAddresses],
    capacity,
    allocatable,
    conditions: conditionsOf(options, view),
    nodeInfo: {
      architecture: facts.architecture,
      bootID: facts.bootId,
      containerRuntimeVersion: runtimeVersion(view.classes),
      kernelVersion: facts.kernel,
      kubeProxyVersion: '',
      kubeletVersion: KUBELET_VERSION,
      machineID: facts.machineId,
      operatingSystem: 'linux',
      osImage: facts.osImage,
      systemUUID: facts.systemUuid,
    },
    runtimeHandlers: view.classes
      .filter(({ available }) => available)
      .map(({ runtimeClass }) => ({ name: runtimeClass })),
    images: [...view.images]
      .sort((a, b) => b.sizeBytes - a.sizeBytes)
      .slice(0, MAX_IMAGES)
      .map((image) => ({ names: [...image.digests, ...image.names], sizeBytes: image.sizeBytes })),
  };
}

/** `amphora://…` with what runs the default class. */
function runtimeVersion(classes: readonly ClassFingerprint[]): string {
  const first = classes.find(({ available }) => available)?.version ?? 'none';
  return `amphora://${first.replaceAll(' ', '-')}`;
}

function pressureConditions({ memory, disk, pids }: Pressure): Array<[string, boolean, string, string]> {
  return [
    memory
      ? ['MemoryPressure', true, 'KubeletHasInsufficientMemory', 'kubelet has insufficient memory available']
      : ['MemoryPressure', false, 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    disk
      ? ['DiskPressure', true, 'KubeletHasDiskPressure', 'kubelet has disk pressure']
      : ['DiskPressure', false, 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    pids
      ? ['PIDPressure', true, 'KubeletHasInsufficientPID', 'kubelet has insufficient PID available']
      : ['PIDPressure', false, 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ];
}

function conditionsOf(options: AgentOptions, view: NodeView): NodeCondition[] {
  const missing = view.classes.filter(({ available }) => !available);
  const any = view.classes.some(({ available }) => available);
  const conditions: Array<[string, boolean, string, string]> = [
    ...pressureConditions(view.pressure),
    [
      'RuntimeClassesReady',
      missing.length === 0,
      missing.length === 0 ? 'AllAvailable' : 'SomeUnavailable',
      missing.map((one) => `${one.runtimeClass}: ${one.reason}`).join('; ') ||
        'every runtime class runs here',
    ],
    [
      'Ready',
      any,
      any ? 'KubeletReady' : 'NoRuntimeClass',
      any ? 'kubelet is posting ready status' : 'no runtime class runs on this node',
    ],
  ];
  const now = toTime(options.clock.now());
  return conditions.map(([type, ok, reason, message]) => {
    const status = ok ? 'True' : 'False';
    const before = view.before?.conditions?.find((one) => one.type === type);
    const since = before?.status === status ? before.lastTransitionTime : undefined;
    return { type, status, reason, message, lastHeartbeatTime: now, lastTransitionTime: since ?? now };
  });
}
