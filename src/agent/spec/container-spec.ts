import type { Container, Pod, VolumeMount } from '../../api/types.generated.ts';
import type { ContainerSpec, Mount } from '../../engines/sandbox-spec.ts';
import type { Image } from '../../images/images.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { AgentOptions } from '../options.ts';
import { identityOf } from '../options.ts';
import { environmentOf } from './environment.ts';
import { expand } from './expand.ts';
import { oomScoreAdj, toResources } from './resources.ts';
import { requestedUser, securityOf, userOf } from './security.ts';
import { serviceEnvironment } from './service-env.ts';

export interface ContainerRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly image: Image;
  readonly podIps: readonly string[];
  readonly logPath: string;
  readonly terminationLogPath: string;
  readonly signal: AbortSignal;
}

/**
 * One container of a pod as an engine wants it.
 * @throws NotFound or Invalid for what kubelet calls CreateContainerConfigError
 */
export async function containerSpecOf(
  options: AgentOptions,
  request: ContainerRequest,
): Promise<ContainerSpec> {
  const { pod, container, image } = request;
  const environment = await environmentFor(options, request);
  const lookup = (name: string) => environment.get(name);
  const command = container.command ?? [];
  const entry = command.length > 0 ? command : image.config.entrypoint;
  // A pod's command without args leaves out the image's cmd as well.
  const rest = container.args ?? (command.length > 0 ? [] : image.config.cmd);
  const [first, ...args] = [
    ...(command.length > 0 ? command.map((word) => expand(word, lookup)) : entry),
    ...(container.args === undefined ? rest : rest.map((word) => expand(word, lookup))),
  ];
  if (first === undefined) {
    throw new AmphoraError(
      'Invalid',
      `no command specified: neither the image ${container.image} nor container ${container.name} names one`,
    );
  }
  const user = await options.images.resolveUser(image.id, requestedUser(pod, container) ?? image.config.user);
  const score = oomScoreAdj(pod, container, options.allocatable.memoryBytes);
  return {
    name: container.name,
    attempt: request.attempt,
    process: {
      args: [first, ...args],
      env: [...environment].map(([name, value]) => `${name}=${value}`),
      cwd: container.workingDir ?? (image.config.workingDir || '/'),
      user: userOf(pod, container, user),
      terminal: container.tty === true,
      stdin: container.stdin === true,
      stdinOnce: container.stdinOnce === true,
    },
    mounts: (container.volumeMounts ?? []).map((mount) => mountOf(mount, lookup)),
    resources: toResources(container.resources),
    readOnlyRoot: container.securityContext?.readOnlyRootFilesystem === true,
    security: securityOf(pod, container, score),
    logPath: request.logPath,
    terminationLogPath: request.terminationLogPath,
    terminationMessageFile: container.terminationMessagePath ?? '/dev/termination-log',
    stopSignal: container.lifecycle?.stopSignal ?? (image.config.stopSignal || 'SIGTERM'),
  };
}

async function environmentFor(
  options: AgentOptions,
  request: ContainerRequest,
): Promise<Map<string, string>> {
  const { pod, container, signal } = request;
  const { namespace } = identityOf(pod);
  const { sources } = options;
  const links = pod.spec?.enableServiceLinks !== false;
  const services = await sources.services(signal).catch(() => []);
  const withAddress = {
    ...pod,
    status: { ...pod.status, podIPs: request.podIps.map((ip) => ({ ip })) },
  };
  return environmentOf(pod, container, {
    configMap: (name) => sources.configMap(namespace, name, signal),
    secret: (name) => sources.secret(namespace, name, signal),
    field: (path) => sources.field(withAddress, path),
    resource: (selector) => sources.resource(pod, { containerName: container.name, ...selector }),
    services: serviceEnvironment(services, { namespace, links }),
    image: request.image.config.env,
  });
}

const PROPAGATION: Readonly<Record<string, Mount['propagation']>> = {
  None: 'private',
  HostToContainer: 'hostToContainer',
  Bidirectional: 'bidirectional',
};

function mountOf(mount: VolumeMount, lookup: (name: string) => string | undefined): Mount {
  const subPath = mount.subPathExpr === undefined ? (mount.subPath ?? '') : expand(mount.subPathExpr, lookup);
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) {
    throw new AmphoraError(
      'Invalid',
      `volumeMount ${mount.name}: subPath ${JSON.stringify(subPath)} must be relative and stay in the volume`,
    );
  }
  return {
    volume: mount.name,
    subPath,
    destination: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
    readOnly: mount.readOnly === true,
    propagation: PROPAGATION[mount.mountPropagation ?? 'None'] ?? 'private',
  };
}
