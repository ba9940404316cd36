import type { ConfigMapProjection } from '../api/types.generated.ts';
import { AmphoraError } from '../lib/errors.ts';
import type { VolumeFile } from './atomic-files.ts';
import { configMapData, DEFAULT_FILE_MODE, itemFiles } from './items.ts';
import type { KindContext, Made } from './volume-kind.ts';

export async function makeConfigMap(context: KindContext): Promise<Made> {
  const source = context.volume.configMap ?? {};
  return {
    kind: 'files',
    files: await configMapFiles(context, source, source.defaultMode ?? DEFAULT_FILE_MODE),
  };
}

/** Also one source of a projected volume. */
export async function configMapFiles(
  context: KindContext,
  source: ConfigMapProjection,
  mode: number,
): Promise<VolumeFile[]> {
  const name = source.name ?? '';
  const namespace = context.pod.metadata?.namespace ?? '';
  const map = await context.sources.configMap(namespace, name, context.signal);
  const optional = source.optional === true;
  if (map === undefined) {
    if (optional) return [];
    throw new AmphoraError('NotFound', `configmap ${JSON.stringify(name)} not found`);
  }
  const what = `configmap ${JSON.stringify(`${namespace}/${name}`)}`;
  return itemFiles(configMapData(map), { items: source.items, mode, optional, what });
}
