import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { keyFilesIn } from '../../access/authn/key-files.ts';
import type { ApiObject } from '../../api/kind.ts';
import type { Client, ObjectReference } from '../../client/client.ts';
import { createInProcessClient } from '../../client/in-process-client.ts';
import { systemClock } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import { silentLogger } from '../../lib/log.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { Api } from '../api.ts';
import { startServer } from '../server.ts';

const POLL_MS = 5;

export interface TestServer extends AsyncDisposable {
  readonly api: Api;
  /** As the administrator, in process. */
  readonly client: Client;
  /** Waits until `holds` is true. @throws when that takes too long */
  until(what: string, holds: () => Promise<boolean>): Promise<void>;
  read<T = ApiObject>(reference: ObjectReference): Promise<T | undefined>;
}

/** A server with its controllers over a store in memory, and no node. */
export async function startTestServer(): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'amphora-server-'));
  const server = await startServer({
    store: createMemoryStore(),
    keys: keyFilesIn(join(directory, 'pki')),
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log: silentLogger(),
  });
  const { registry, authorizer } = server.api;
  const user = { name: 'admin', uid: '', groups: ['system:masters'], extra: {} };
  const client = createInProcessClient({ registry, authorizer, user });
  const read = <T>(reference: ObjectReference) =>
    client.get<T>(reference).catch((error) => {
      if (isCode(error, 'NotFound')) return undefined;
      throw error;
    });
  return {
    api: server.api,
    client,
    read,
    async until(what, holds) {
      const deadline = Date.now() + 10_000;
      while (!(await holds())) {
        if (Date.now() > deadline) throw new Error(`waited too long: ${what}`);
        await setTimeout(POLL_MS);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
