import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeEvent } from './events.ts';

export interface SpooledEvent {
  readonly id: string;
  /** Milliseconds since the epoch: when it happened. */
  readonly at: number;
  readonly event: NodeEvent;
}

/** Events that the API does not have yet, in files, so that a killed agent tells them when it is back. */
export class EventSpool {
  readonly #directory: string;
  #count = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Safe from a crash of this process when it resolves; not flushed, since events of before a reboot matter little. */
  async put(event: NodeEvent, at: number): Promise<SpooledEvent> {
    this.#count += 1;
    const order = `${String(at).padStart(15, '0')}-${String(this.#count).padStart(9, '0')}`;
    const id = `${order}-${randomBytes(4).toString('hex')}`;
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, id);
    await writeFile(`${path}.tmp`, JSON.stringify({ at, event }), { mode: 0o600 });
    await rename(`${path}.tmp`, `${path}.json`);
    return { id, at, event };
  }

  async remove({ id }: SpooledEvent): Promise<void> {
    await rm(join(this.#directory, `${id}.json`), { force: true });
  }

  /** In the order they happened. What a crash cut short is removed. */
  async load(): Promise<SpooledEvent[]> {
    const names = (await readdir(this.#directory).catch(() => [])).sort();
    const loaded = await Promise.all(names.map((name) => this.#read(name)));
    return loaded.filter((one) => one !== undefined);
  }

  async #read(name: string): Promise<SpooledEvent | undefined> {
    const path = join(this.#directory, name);
    try {
      if (!name.endsWith('.json')) throw new TypeError('never renamed');
      // Only put() makes files of this name, and makes them whole.
      const { at, event } = JSON.parse(await readFile(path, 'utf8')) as Omit<SpooledEvent, 'id'>;
      return { id: name.slice(0, -'.json'.length), at, event };
    } catch {
      await rm(path, { force: true });
      return undefined;
    }
  }
}
