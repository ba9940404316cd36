import type { ServiceAccountTokenProjection, VolumeProjection } from '../api/types.generated.ts';
import { AmphoraError } from '../lib/errors.ts';
import type { VolumeFile } from './atomic-files.ts';
import { configMapFiles } from './config-map.ts';
import { downwardFiles } from './downward-api.ts';
import { DEFAULT_FILE_MODE } from './items.ts';
import { secretFiles } from './secret.ts';
import type { KindContext, Made } from './volume-kind.ts';

const DEFAULT_TOKEN_SECONDS = 3600;
/** A token is renewed when this part of its life is over. */
const RENEW_AFTER = 0.8;

export async function makeProjected(context: KindContext): Promise<Made> {
  const projected = context.volume.projected ?? {};
  const mode = projected.defaultMode ?? DEFAULT_FILE_MODE;
  const files: VolumeFile[] = [];
  const refreshes: number[] = [];
  for (const source of projected.sources ?? []) {
    const made = await project(context, source, mode);
    files.push(...made.files);
    if (made.refreshAt !== undefined) refreshes.push(made.refreshAt);
  }
  // The later source wins where two write the same path.
  const unique = [...new Map(files.map((file) => [file.path, file])).values()];
  return {
    kind: 'files',
    files: unique,
    ...(refreshes.length === 0 ? {} : { refreshAt: Math.min(...refreshes) }),
  };
}

async function project(
  context: KindContext,
  source: VolumeProjection,
  mode: number,
): Promise<{ files: VolumeFile[]; refreshAt?: number }> {
  if (source.configMap !== undefined) return { files: await configMapFiles(context, source.configMap, mode) };
  if (source.secret !== undefined) return { files: await secretFiles(context, source.secret, mode) };
  if (source.downwardAPI !== undefined)
    return { files: downwardFiles(context, source.downwardAPI.items ?? [], mode) };
  if (source.serviceAccountToken !== undefined) return tokenFile(context, source.serviceAccountToken, mode);
  const kind = Object.keys(source)[0] ?? 'empty';
  throw new AmphoraError(
    'NotImplemented',
    `projected volume ${JSON.stringify(context.volume.name)} has a source of kind ${kind}, which is not supported: remove it`,
  );
}

/** The token, readable by the pod's own user alone where that is known, as kubelet does. */
async function tokenFile(
  context: KindContext,
  source: ServiceAccountTokenProjection,
  mode: number,
): Promise<{ files: VolumeFile[]; refreshAt: number }> {
  const { token, expiresAt } = await context.sources.token(
    {
      pod: context.pod,
      expirationSeconds: source.expirationSeconds ?? DEFAULT_TOKEN_SECONDS,
      ...(source.audience === undefined ? {} : { audience: source.audience }),
    },
    context.signal,
  );
  const uid = commonUser(context);
  const hasGroup = context.pod.spec?.securityContext?.fsGroup !== undefined;
  const file: VolumeFile = {
    path: source.path,
    data: Buffer.from(token),
    mode: hasGroup || uid !== undefined ? 0o600 : mode,
    ...(uid === undefined ? {} : { uid }),
  };
  return { files: [file], refreshAt: context.now + (expiresAt - context.now) * RENEW_AFTER };
}

/** The user all containers run as, if the pod says so. */
function commonUser(context: KindContext): number | undefined {
  const spec = context.pod.spec;
  const users = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].map(
    (container) => container.securityContext?.runAsUser ?? spec?.securityContext?.runAsUser,
  );
  return new Set(users).size === 1 ? users[0] : undefined;
}
