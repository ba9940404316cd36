import type { SecretProjection } from '../api/types.generated.ts';
import { AmphoraError } from '../lib/errors.ts';
import type { VolumeFile } from './atomic-files.ts';
import { DEFAULT_FILE_MODE, itemFiles, secretData } from './items.ts';
import type { KindContext, Made } from './volume-kind.ts';

export async function makeSecret(context: KindContext): Promise<Made> {
  const { secretName, ...source } = context.volume.secret ?? {};
  const projection = { ...source, ...(secretName === undefined ? {} : { name: secretName }) };
  return {
    kind: 'files',
    files: await secretFiles(context, projection, source.defaultMode ?? DEFAULT_FILE_MODE),
  };
}

/** Also one source of a projected volume. */
export async function secretFiles(
  context: KindContext,
  source: SecretProjection,
  mode: number,
): Promise<VolumeFile[]> {
  const name = source.name ?? '';
  const namespace = context.pod.metadata?.namespace ?? '';
  const secret = await context.sources.secret(namespace, name, context.signal);
  const optional = source.optional === true;
  if (secret === undefined) {
    if (optional) return [];
    throw new AmphoraError('NotFound', `secret ${JSON.stringify(name)} not found`);
  }
  const what = `secret ${JSON.stringify(`${namespace}/${name}`)}`;
  return itemFiles(secretData(secret), { items: source.items, mode, optional, what });
}
