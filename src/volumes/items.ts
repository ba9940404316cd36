import type { ConfigMap, KeyToPath, Secret } from '../api/types.generated.ts';
import { AmphoraError } from '../lib/errors.ts';
import type { VolumeFile } from './atomic-files.ts';

export const DEFAULT_FILE_MODE = 0o644;

/** The files of a ConfigMap or Secret: all keys under their own name, or the chosen ones under theirs. */
export function itemFiles(
  data: ReadonlyMap<string, Buffer>,
  options: {
    readonly items: readonly KeyToPath[] | undefined;
    readonly mode: number;
    readonly optional: boolean;
    /** `configmap "web"`, for messages. */
    readonly what: string;
  },
): VolumeFile[] {
  if (options.items === undefined || options.items.length === 0) {
    return [...data].map(([path, bytes]) => ({ path, data: bytes, mode: options.mode }));
  }
  const files: VolumeFile[] = [];
  for (const item of options.items) {
    const bytes = data.get(item.key);
    if (bytes !== undefined) files.push({ path: item.path, data: bytes, mode: item.mode ?? options.mode });
    else if (!options.optional) {
      throw new AmphoraError(
        'NotFound',
        `references non-existent key ${JSON.stringify(item.key)} in ${options.what}`,
      );
    }
  }
  return files;
}

export function configMapData(map: ConfigMap): Map<string, Buffer> {
  return new Map([...decode(map.data, 'utf8'), ...decode(map.binaryData, 'base64')]);
}

export function secretData(secret: Secret): Map<string, Buffer> {
  return new Map(decode(secret.data, 'base64'));
}

function decode(data: Record<string, string> | undefined, encoding: BufferEncoding): Array<[string, Buffer]> {
  return Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, encoding)]);
}
