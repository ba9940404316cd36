import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod, PodStatus } from '../../api/types.generated.ts';
import type { Engine } from '../../engines/engine.ts';
import { createFakeEngine } from '../../engines/fake/fake-engine.ts';
import { createFakeImages } from '../../images/fake.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { createFakeNetwork } from '../../network/fake.ts';
import { createFakeVolumes } from '../../volumes/fake.ts';
import { type Agent, createAgent } from '../agent.ts';
import { createPodSources } from '../pod-sources.ts';
import { MemoryApi } from './memory-api.ts';

/** An agent on fakes. Ending it and making another one is what a kill and a restart look like from outside. */
export class World implements AsyncDisposable {
  readonly api = new MemoryApi();
  readonly engine: Engine = createFakeEngine({ clock: systemClock, classes: ['container'] });
  readonly network = createFakeNetwork();
  readonly volumes = createFakeVolumes();
  readonly #directory: string;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(directory: string) {
    this.#directory = directory;
  }

  static async make(): Promise<World> {
    const world = new World(await mkdtemp(join(tmpdir(), 'amphora-agent-')));
    world.start();
    return world;
  }

  start(): Agent {
    this.#stop = new AbortController();
    const allocatable = { cpuMillis: 2000, memoryBytes: 2 ** 31 };
    const client = this.api.client();
    const agent = createAgent({
      client,
      engines: [this.engine],
      network: this.network,
      images: createFakeImages(),
      volumes: this.volumes,
      sources: createPodSources({
        client,
        clock: systemClock,
        nodeName: 'n',
        hostIps: ['10.0.0.1'],
        allocatable,
      }),
      nodeName: 'n',
      nodeAddresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
      clock: systemClock,
      log: silentLogger(),
      directories: { state: this.#directory },
      dns: { servers: [], domain: 'cluster.local', host: { servers: [], searches: [], options: [] } },
      allocatable,
      bootId: 'boot',
      defaultRuntimeClass: 'container',
    });
    this.#running = agent.run(this.#stop.signal);
    return agent;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  create(name: string, spec: Partial<NonNullable<Pod['spec']>>): void {
    this.api.put(`pods/default/${name}`, podOf(name, spec));
  }

  status(name: string): PodStatus {
    return this.api.pod(name)?.status ?? {};
  }

  /** Resolves once the status holds; fails, showing it, after a deadline. */
  async until(name: string, holds: (status: PodStatus) => boolean): Promise<PodStatus> {
    await this.eventually(
      () => holds(this.status(name)),
      () => JSON.stringify(this.status(name)),
    );
    return this.status(name);
  }

  async eventually(holds: () => boolean | Promise<boolean>, seen: () => string = () => ''): Promise<void> {
    const deadline = Date.now() + 8000;
    while (!(await holds())) {
      if (Date.now() > deadline) throw new Error(`did not come true in time: ${seen()}`);
      await systemClock.sleep(5);
    }
  }

  events(): string[] {
    return [...this.api.objects].flatMap(([path, object]) =>
      path.startsWith('events/') ? [`${object.reason}: ${object.message}`] : [],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

export function podOf(name: string, spec: Partial<NonNullable<Pod['spec']>>): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, generation: 1 },
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'app:1', command: ['pause'] }], ...spec },
    status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True' }] },
  };
}
