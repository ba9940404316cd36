import { writeFile } from 'node:fs/promises';
import {
  type BuiltImage,
  buildImage,
  type ImageSource,
  ociLayout,
  packFiles,
} from '../../src/images/oci-writer.ts';

export interface ArchiveOptions extends ImageSource {
  /** Where the archive is written. */
  readonly path: string;
  readonly name: string;
}

/** Writes a tar of an OCI layout that holds one image. */
export async function makeOciArchive(options: ArchiveOptions): Promise<BuiltImage> {
  const image = await buildImage(options);
  await writeFile(options.path, await packFiles(ociLayout([{ name: options.name, image }])));
  return image;
}

/** Writes what `docker save` writes: uncompressed layers, and `manifest.json` that names them. */
export async function makeDockerArchive(options: ArchiveOptions): Promise<BuiltImage> {
  const image = await buildImage(options);
  const config = `${image.id.slice(7)}.json`;
  const layers = image.tars.map((_, index) => `${index}/layer.tar`);
  const manifest = [{ Config: config, RepoTags: [options.name], Layers: layers }];
  const files = new Map([
    ['manifest.json', Buffer.from(JSON.stringify(manifest))],
    [config, image.config],
    ...image.tars.map((tar, index): [string, Buffer] => [`${index}/layer.tar`, tar]),
  ]);
  await writeFile(options.path, await packFiles(files));
  return image;
}
