import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFakeEngine } from '../../src/engines/fake/fake-engine.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createFakeNetwork } from '../../src/network/fake.ts';
import type { EngineHarness } from './engine-harness.ts';

/** The fake engine: everything but what takes a real program or a real file system. */
export function fakeHarness(): EngineHarness {
  const scratch = mkdtempSync(join(tmpdir(), 'engine-fake-'));
  const network = createFakeNetwork();
  const engine = createFakeEngine({ clock: systemClock, classes: ['container'] });
  const signal = new AbortController().signal;
  const noProgram = 'nothing real runs in it';
  return {
    name: 'fake',
    runtimeClass: 'container',
    lacks: { shell: noProgram, mounts: noProgram, survivesProcess: 'it lives in the memory of its process' },
    scratch,
    patienceMs: 5000,
    open: async () => engine,
    root: async () => ({ kind: 'layers', imageId: 'sha256:fake', directories: ['/nonexistent'] }),
    network: async (sandboxId) => {
      const request = {
        sandboxId,
        podNamespace: 'default',
        podName: sandboxId,
        podUid: sandboxId,
        portMappings: [],
      };
      return {
        network: await network.attach(request, signal),
        release: () => network.detach(sandboxId, signal),
      };
    },
    leftovers: async (id) => ((await engine.inspect(id, signal)) === undefined ? [] : [id]),
    close: () => rm(scratch, { recursive: true, force: true }),
  };
}
