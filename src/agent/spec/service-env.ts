import type { Service } from '../../api/types.generated.ts';

/**
 * The variables that tell a pod of the services of its namespace (and always of the API's own), in the form
 * of Docker's links. https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
export function serviceEnvironment(
  services: readonly Service[],
  pod: { readonly namespace: string; readonly links: boolean },
): Map<string, string> {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const { namespace = '', name = '' } = service.metadata ?? {};
    const ip = service.spec?.clusterIP ?? '';
    if (ip === '' || ip === 'None') continue;
    const isApi = namespace === 'default' && name === 'kubernetes';
    // A service of the pod's own namespace hides the API's of the same name.
    if (pod.links && namespace === pod.namespace) chosen.set(name, service);
    else if (isApi && !chosen.has(name)) chosen.set(name, service);
  }
  const variables = new Map<string, string>();
  for (const [name, service] of chosen) addService(variables, name, service);
  return variables;
}

function addService(variables: Map<string, string>, name: string, service: Service): void {
  const prefix = name.toUpperCase().replaceAll('-', '_');
  const ip = service.spec?.clusterIP ?? '';
  const host = ip.includes(':') ? `[${ip}]` : ip;
  const ports = service.spec?.ports ?? [];
  const first = ports[0];
  if (first === undefined) return;
  variables.set(`${prefix}_SERVICE_HOST`, ip);
  variables.set(`${prefix}_SERVICE_PORT`, String(first.port));
  for (const port of ports) {
    if (port.name !== undefined && port.name !== '') {
      variables.set(
        `${prefix}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`,
        String(port.port),
      );
    }
  }
  const protocol = (first.protocol ?? 'TCP').toLowerCase();
  variables.set(`${prefix}_PORT`, `${protocol}://${host}:${first.port}`);
  for (const port of ports)
    addLink(variables, `${prefix}_PORT_${port.port}_${port.protocol ?? 'TCP'}`, { ...port, ip, host });
}

function addLink(
  variables: Map<string, string>,
  prefix: string,
  port: { readonly port: number; readonly protocol?: string; readonly ip: string; readonly host: string },
): void {
  const protocol = (port.protocol ?? 'TCP').toLowerCase();
  variables.set(prefix, `${protocol}://${port.host}:${port.port}`);
  variables.set(`${prefix}_PROTO`, protocol);
  variables.set(`${prefix}_PORT`, String(port.port));
  variables.set(`${prefix}_ADDR`, port.ip);
}
