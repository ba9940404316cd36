import type { DownwardAPIVolumeFile } from '../api/types.generated.ts';
import type { VolumeFile } from './atomic-files.ts';
import { DEFAULT_FILE_MODE } from './items.ts';
import type { KindContext, Made } from './volume-kind.ts';

export async function makeDownwardApi(context: KindContext): Promise<Made> {
  const source = context.volume.downwardAPI ?? {};
  return {
    kind: 'files',
    files: downwardFiles(context, source.items ?? [], source.defaultMode ?? DEFAULT_FILE_MODE),
  };
}

/** Also one source of a projected volume. */
export function downwardFiles(
  context: KindContext,
  items: readonly DownwardAPIVolumeFile[],
  mode: number,
): VolumeFile[] {
  return items.map((item) => ({
    path: item.path,
    data: Buffer.from(contentOf(context, item)),
    mode: item.mode ?? mode,
  }));
}

function contentOf({ sources, pod }: KindContext, item: DownwardAPIVolumeFile): string {
  if (item.resourceFieldRef !== undefined) return sources.resource(pod, item.resourceFieldRef);
  return sources.field(pod, item.fieldRef?.fieldPath ?? '');
}
