import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathInside } from '../../lib/files.ts';
import type { PodRecord } from './record.ts';

const FILE = 'record.json';

/** The records of this node's pods, and the directories that belong to them. */
export class RecordStore {
  readonly #pods: string;
  readonly #logs: string;

  constructor(stateDirectory: string) {
    this.#pods = join(stateDirectory, 'pods');
    this.#logs = join(stateDirectory, 'logs');
  }

  directory(uid: string): string {
    return pathInside(this.#pods, uid);
  }

  logDirectory(pod: { readonly namespace: string; readonly name: string; readonly uid: string }): string {
    return pathInside(this.#logs, `${pod.namespace}_${pod.name}_${pod.uid}`);
  }

  logPath(record: PodRecord, container: string, attempt: number): string {
    return join(this.logDirectory(record), container, `${attempt}.log`);
  }

  terminationPath(record: PodRecord, container: string, attempt: number): string {
    return join(this.directory(record.uid), 'termination', `${container}-${attempt}`);
  }

  /** A record that cannot be read is as good as none: the engine and the API know the rest. */
  async loadAll(): Promise<PodRecord[]> {
    const uids = await readdir(this.#pods).catch(() => []);
    const records = await Promise.all(uids.map((uid) => this.#load(uid)));
    return records.filter((record) => record !== undefined);
  }

  /** Atomic against a crash of this process; not flushed. */
  async save(record: PodRecord): Promise<void> {
    const directory = this.directory(record.uid);
    const temporary = join(directory, `${FILE}.tmp`);
    const text = JSON.stringify(record);
    try {
      await writeFile(temporary, text, { mode: 0o600 });
    } catch {
      await mkdir(join(directory, 'termination'), { recursive: true, mode: 0o700 });
      await writeFile(temporary, text, { mode: 0o600 });
    }
    await rename(temporary, join(directory, FILE));
  }

  /** UIDs of pods that have a record or logs. */
  async list(): Promise<readonly string[]> {
    const [records, logs] = await Promise.all(
      [this.#pods, this.#logs].map((folder) => readdir(folder).catch((): string[] => [])),
    );
    return [...new Set([...(records ?? []), ...(logs ?? []).map(uidOfLogs)])];
  }

  /** Removes the record and the logs of a pod of which nothing but its UID is known. */
  async removeAll(uid: string): Promise<void> {
    for (const folder of await readdir(this.#logs).catch((): string[] => []))
      if (uidOfLogs(folder) === uid)
        await rm(pathInside(this.#logs, folder), { recursive: true, force: true });
    await rm(this.directory(uid), { recursive: true, force: true });
  }

  /** Removes the record and the logs. */
  async remove(record: PodRecord): Promise<void> {
    await rm(this.logDirectory(record), { recursive: true, force: true });
    await rm(this.directory(record.uid), { recursive: true, force: true });
  }

  async #load(uid: string): Promise<PodRecord | undefined> {
    const text = await readFile(join(this.directory(uid), FILE), 'utf8').catch(() => '');
    try {
      // Only save() writes this file, and the format number is checked.
      const record = JSON.parse(text) as PodRecord;
      return record.format === 1 && record.uid === uid ? record : undefined;
    } catch {
      return undefined;
    }
  }
}

/** The last part of the name of a pod's folder of logs; neither namespaces nor names have a `_`. */
function uidOfLogs(folder: string): string {
  return folder.slice(folder.lastIndexOf('_') + 1);
}
