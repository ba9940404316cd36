import { AmphoraError } from '../lib/errors.ts';
import type { Image, Images } from './images.ts';

/**
 * Images of a node that runs nothing for real: every reference names one, but those that begin with `absent`, which
 * no registry has.
 */
export function createFakeImages(): Images {
  const pulled = new Map<string, Image>();
  const pull = (reference: string): Image => {
    if (reference.startsWith('absent'))
      throw new AmphoraError('NotFound', `${reference}: no registry has it`);
    const image = fakeImage(reference);
    pulled.set(reference, image);
    return image;
  };
  return {
    pull: async (reference) => pull(reference),
    find: async (reference) => pulled.get(reference.replace(/^sha256:/, '')),
    list: async () => [...pulled.values()],
    importArchive: async (_path, { name = 'imported:latest' }) => [pull(name)],
    remove: async (reference) => void pulled.delete(reference),
    prepare: async (imageId, form) =>
      form === 'layers'
        ? { kind: 'layers', imageId, directories: ['/fake/layer'] }
        : { kind: 'block', imageId, path: '/fake/root.erofs', format: 'erofs' },
    resolveUser: async (_image, user) => ({
      uid: Number.parseInt(user, 10) || 0,
      gid: 0,
      additionalGids: [],
    }),
    close: async () => {},
  };
}

function fakeImage(reference: string): Image {
  return {
    id: `sha256:${reference}`,
    names: [reference],
    digests: [],
    sizeBytes: 1,
    architecture: 'amd64',
    created: '2026-01-01T00:00:00Z',
    config: {
      user: '',
      env: ['PATH=/bin'],
      entrypoint: [],
      cmd: ['pause'],
      workingDir: '',
      stopSignal: '',
      exposedPorts: [],
      volumes: [],
      labels: {},
    },
  };
}
