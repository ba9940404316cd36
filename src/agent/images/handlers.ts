import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TunnelCall, TunnelHandler } from '../../client/node-tunnel.ts';
import type { Image, Images, PullProgress } from '../../images/images.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { Parameters } from '../streams/requests.ts';

export interface ImageHandlersOptions {
  readonly images: Images;
  /** Where an archive that is being imported is kept meanwhile. */
  readonly spool: string;
}

/**
 * What the node answers about its images, by path. Long work answers in lines of JSON: `{"progress": …}` as it goes,
 * then `{"images": […]}` or `{"error": {code, message}}`.
 */
export function imageHandlers(options: ImageHandlersOptions): Readonly<Record<string, TunnelHandler>> {
  const { images } = options;
  return {
    '/v1/images/list': (call) => answer(call, async () => await images.list()),
    '/v1/images/pull': (call) => answer(call, (onProgress) => pull(call, images, onProgress)),
    '/v1/images/import': (call) =>
      answer(call, (onProgress, body) => importBody(call, { ...options, onProgress, body })),
    '/v1/images/remove': (call) =>
      answer(call, async () => {
        await images.remove(new Parameters(call.request).text('reference'), call.signal);
        return [];
      }),
  };
}

type OnProgress = (progress: PullProgress) => void;

async function answer(
  call: TunnelCall,
  work: (onProgress: OnProgress, body: Duplex) => Promise<readonly Image[]>,
): Promise<void> {
  const stream = call.accept();
  const line = (value: object) => stream.write(`${JSON.stringify(value)}\n`);
  try {
    const found = await work((progress) => line({ progress }), stream);
    line({ images: found.map(summary) });
  } catch (error) {
    const { code, message } = AmphoraError.from(error);
    line({ error: { code, message } });
  }
  stream.end();
}

async function pull(call: TunnelCall, images: Images, onProgress: OnProgress): Promise<readonly Image[]> {
  const reference = new Parameters(call.request).text('reference');
  return [await images.pull(reference, { policy: 'Always', credentials: [], onProgress }, call.signal)];
}

interface Importing extends ImageHandlersOptions {
  readonly onProgress: OnProgress;
  readonly body: Duplex;
}

/** The archive is kept in a file first: its index may stand behind what it indexes. */
async function importBody(
  call: TunnelCall,
  { images, spool, onProgress, body }: Importing,
): Promise<readonly Image[]> {
  const name = new Parameters(call.request).optionalText('name');
  await mkdir(spool, { recursive: true, mode: 0o700 });
  const path = join(spool, `import-${crypto.randomUUID()}.tar`);
  try {
    await pipeline(body, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal: call.signal });
    return await images.importArchive(
      path,
      { onProgress, ...(name === undefined ? {} : { name }) },
      call.signal,
    );
  } finally {
    await rm(path, { force: true });
  }
}

function summary({ id, names, digests, sizeBytes, created }: Image) {
  return { id, names, digests, sizeBytes, created };
}
