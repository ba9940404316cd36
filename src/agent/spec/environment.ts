import type { ConfigMap, Container, EnvFromSource, EnvVar, Pod, Secret } from '../../api/types.generated.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { expand } from './expand.ts';
import type { ResourceSelector } from './pod-fields.ts';

/** Where a container's variables come from. Values of a Secret are decoded. */
export interface EnvironmentSources {
  configMap(name: string): Promise<ConfigMap | undefined>;
  secret(name: string): Promise<Secret | undefined>;
  field(path: string): string;
  resource(selector: ResourceSelector): string;
  readonly services: ReadonlyMap<string, string>;
  /** `NAME=value` of the image. */
  readonly image: readonly string[];
}

/**
 * The complete environment of a container: image, then services, then envFrom, then env, later ones winning;
 * `$(NAME)` in env refers to what stands before it.
 * @throws NotFound naming the ConfigMap, Secret or key that is missing and not optional.
 */
export async function environmentOf(
  pod: Pod,
  container: Container,
  sources: EnvironmentSources,
): Promise<Map<string, string>> {
  const result = new Map<string, string>();
  for (const line of sources.image) {
    const at = line.indexOf('=');
    if (at > 0) result.set(line.slice(0, at), line.slice(at + 1));
  }
  if (!result.has('PATH')) {
    result.set('PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
  }
  result.set('HOSTNAME', hostnameOf(pod));
  for (const [name, value] of sources.services) result.set(name, value);
  const own = new Map(sources.services);
  for (const from of container.envFrom ?? []) {
    for (const [name, value] of await fromSource(pod, from, sources)) set(name, value);
  }
  for (const variable of container.env ?? []) {
    const value = await valueFor(pod, variable, { sources, own });
    if (value !== undefined) set(variable.name, value);
  }
  return result;

  function set(name: string, value: string): void {
    own.set(name, value);
    result.set(name, value);
  }
}

export function hostnameOf(pod: Pod): string {
  const hostname = pod.spec?.hostname ?? pod.metadata?.name ?? '';
  return hostname.slice(0, 63).replace(/[-.]+$/, '');
}

async function valueFor(
  pod: Pod,
  variable: EnvVar,
  context: { readonly sources: EnvironmentSources; readonly own: ReadonlyMap<string, string> },
): Promise<string | undefined> {
  const from = variable.valueFrom;
  const { sources } = context;
  if (from === undefined) return expand(variable.value ?? '', (name) => context.own.get(name));
  if (from.fieldRef !== undefined) return sources.field(from.fieldRef.fieldPath);
  if (from.resourceFieldRef !== undefined) return sources.resource(from.resourceFieldRef);
  if (from.configMapKeyRef !== undefined) {
    const { name = '', key, optional } = from.configMapKeyRef;
    const map = await sources.configMap(name);
    return pick(map?.data, {
      what: `configmap`,
      name,
      key,
      pod,
      optional: optional === true,
      found: map !== undefined,
    });
  }
  if (from.secretKeyRef !== undefined) {
    const { name = '', key, optional } = from.secretKeyRef;
    const secret = await sources.secret(name);
    const value = pick(secret?.data, {
      what: 'secret',
      name,
      key,
      pod,
      optional: optional === true,
      found: secret !== undefined,
    });
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
  }
  const kind = Object.keys(from)[0] ?? 'nothing';
  throw new AmphoraError('NotImplemented', `env ${variable.name}: valueFrom.${kind} is not supported`);
}

interface KeyChoice {
  readonly what: string;
  readonly name: string;
  readonly key: string;
  readonly pod: Pod;
  readonly optional: boolean;
  readonly found: boolean;
}

function pick(data: Readonly<Record<string, string>> | undefined, choice: KeyChoice): string | undefined {
  const value = data?.[choice.key];
  if (value !== undefined || choice.optional) return value;
  if (!choice.found)
    throw new AmphoraError('NotFound', `${choice.what} ${JSON.stringify(choice.name)} not found`);
  const place = choice.what === 'secret' ? 'Secret' : 'ConfigMap';
  const namespace = choice.pod.metadata?.namespace ?? '';
  throw new AmphoraError(
    'NotFound',
    `couldn't find key ${choice.key} in ${place} ${namespace}/${choice.name}`,
  );
}

async function fromSource(
  _pod: Pod,
  from: EnvFromSource,
  sources: EnvironmentSources,
): Promise<Array<[string, string]>> {
  const prefix = from.prefix ?? '';
  if (from.configMapRef !== undefined) {
    const { name = '', optional } = from.configMapRef;
    const map = await sources.configMap(name);
    if (map === undefined && optional !== true)
      throw new AmphoraError('NotFound', `configmap ${JSON.stringify(name)} not found`);
    return Object.entries(map?.data ?? {}).map(([key, value]) => [prefix + key, value]);
  }
  const { name = '', optional } = from.secretRef ?? {};
  const secret = await sources.secret(name);
  if (secret === undefined && optional !== true)
    throw new AmphoraError('NotFound', `secret ${JSON.stringify(name)} not found`);
  return Object.entries(secret?.data ?? {}).map(([key, value]) => [
    prefix + key,
    Buffer.from(value, 'base64').toString('utf8'),
  ]);
}
