import type { Container, Pod } from '../../api/types.generated.ts';
import type { Image, PullOptions, RegistryCredential } from '../../images/images.ts';
import { AmphoraError, type ErrorCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { identityOf } from '../options.ts';
import { serviceAccountOf } from '../pod-sources.ts';
import { requireContainer, requirePod, type StepContext, StepFailed, tell } from './context.ts';

/** Makes a container's image present and its root ready for the engine. */
export async function prepareImage(
  step: { readonly container: string },
  context: StepContext,
): Promise<void> {
  const pod = requirePod(context);
  const container = requireContainer(pod, step.container);
  const { options, engine, prepared } = context;
  const image = await obtain(pod, container, context);
  const form = options.rootForm?.(engine) ?? (engine.name === 'vm' ? 'block' : 'layers');
  const root = await options.images.prepare(image.id, form, context.signal);
  prepared.images.set(container.name, { image, root });
  const imageId = image.digests[0] ?? image.id;
  await context.update((record) => ({
    ...record,
    images: { ...record.images, [container.name]: { id: image.id, imageId } },
  }));
}

async function obtain(pod: Pod, container: Container, context: StepContext): Promise<Image> {
  const { images } = context.options;
  const reference = container.image ?? '';
  const quoted = JSON.stringify(reference);
  const policy = policyOf(container);
  const say = (type: 'Normal' | 'Warning', reason: string, message: string) =>
    void tell(context, { type, reason, message, container: container.name });
  try {
    const present = policy === 'Always' ? undefined : await images.find(reference);
    if (present !== undefined) {
      say('Normal', 'Pulled', `Container image ${quoted} already present on machine`);
      return present;
    }
    if (policy === 'Never') {
      throw new StepFailed(
        'ErrImageNeverPull',
        new AmphoraError('NotFound', `Container image ${quoted} is not present with pull policy of Never`),
      );
    }
    return await pull(pod, { reference, policy, say }, context);
  } catch (error) {
    if (context.signal.aborted) throw error;
    const failed = error instanceof StepFailed ? error : new StepFailed(reasonOf(error), error);
    const prefix = failed.reason === 'ErrImagePull' ? `Failed to pull image ${quoted}: ` : '';
    say(
      'Warning',
      failed.reason === 'InvalidImageName' ? 'InspectFailed' : 'Failed',
      `${prefix}${failed.message}`,
    );
    say('Warning', 'Failed', `Error: ${failed.reason}`);
    throw failed;
  }
}

async function pull(
  pod: Pod,
  wanted: {
    readonly reference: string;
    readonly policy: PullOptions['policy'];
    readonly say: (type: 'Normal', reason: string, message: string) => void;
  },
  context: StepContext,
): Promise<Image> {
  const { clock, images } = context.options;
  const quoted = JSON.stringify(wanted.reference);
  wanted.say('Normal', 'Pulling', `Pulling image ${quoted}`);
  const begun = clock.now();
  const credentials = await credentialsOf(pod, context);
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(LIMITS.imagePullMs)]);
  const image = await images.pull(wanted.reference, { policy: wanted.policy, credentials }, signal);
  const took = `${((clock.now() - begun) / 1000).toFixed(3)}s`;
  wanted.say(
    'Normal',
    'Pulled',
    `Successfully pulled image ${quoted} in ${took} (${took} including waiting). Image size: ${image.sizeBytes} bytes.`,
  );
  return image;
}

function reasonOf(error: unknown): string {
  const invalid: readonly ErrorCode[] = ['BadRequest'];
  return error instanceof AmphoraError && invalid.includes(error.code) ? 'InvalidImageName' : 'ErrImagePull';
}

/** The pod's policy, else Always for `:latest` and no tag at all, as the API defaults it. */
function policyOf(container: Container): PullOptions['policy'] {
  const policy = container.imagePullPolicy;
  if (policy === 'Always' || policy === 'Never' || policy === 'IfNotPresent') return policy;
  const last = (container.image ?? '').split('/').pop() ?? '';
  return last.includes('@') || (last.includes(':') && !last.endsWith(':latest')) ? 'IfNotPresent' : 'Always';
}

async function credentialsOf(pod: Pod, context: StepContext): Promise<RegistryCredential[]> {
  const { sources } = context.options;
  const { namespace } = identityOf(pod);
  const account = await sources
    .serviceAccount(namespace, serviceAccountOf(pod), context.signal)
    .catch(() => undefined);
  const names = [...(pod.spec?.imagePullSecrets ?? []), ...(account?.imagePullSecrets ?? [])].map(
    ({ name }) => name ?? '',
  );
  const secrets = await Promise.all(
    // kubelet, too, goes on without a pull secret that is missing.
    [...new Set(names)].map((name) => sources.secret(namespace, name, context.signal).catch(() => undefined)),
  );
  return secrets.flatMap((secret) => [
    ...parseDockerConfig(secret?.data?.['.dockerconfigjson'], true),
    ...parseDockerConfig(secret?.data?.['.dockercfg'], false),
  ]);
}

function parseDockerConfig(base64: string | undefined, nested: boolean): RegistryCredential[] {
  if (base64 === undefined) return [];
  try {
    // Docker's configuration file: every member is checked before it is used.
    const config = JSON.parse(Buffer.from(base64, 'base64').toString('utf8')) as {
      auths?: Record<string, unknown>;
    };
    const auths = nested ? (config.auths ?? {}) : config;
    return Object.entries(auths).flatMap(([registry, entry]) => credentialOf(registry, entry));
  } catch {
    return [];
  }
}

function credentialOf(registry: string, entry: unknown): RegistryCredential[] {
  if (typeof entry !== 'object' || entry === null) return [];
  const text = (key: string): string => {
    const value: unknown = Reflect.get(entry, key);
    return typeof value === 'string' ? value : '';
  };
  const auth = Buffer.from(text('auth'), 'base64').toString('utf8');
  const colon = auth.indexOf(':');
  const username = text('username') || auth.slice(0, Math.max(colon, 0));
  const password = text('password') || auth.slice(colon + 1);
  return username === ''
    ? []
    : [{ registry: registry.replace(/^https?:\/\//, '').replace(/\/(v1|v2)?\/?$/, ''), username, password }];
}
