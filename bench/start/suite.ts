import type { PodSpec } from '../../src/api/types.generated.ts';
import { SECOND_MS } from '../../src/lib/limits.ts';
import type { BenchOptions } from '../main.ts';
import type { Measured, Result } from '../result.ts';
import { makeBareBundle } from './bare-oci.ts';
import { type Instance, startInstance } from './instance.ts';
import { PEERS } from './peers.ts';
import { fillStore, residentMiB, timeToApi } from './platform-start.ts';
import { timeToReady } from './pod-ready.ts';
import { makeBareMachine } from './qemu-boot.ts';

const WARM_UP = 2;
/** A booting machine takes seconds without KVM; fewer samples do. */
const MACHINE_SAMPLES = 5;
const SETTLE_MS = 5 * SECOND_MS;
const CONTAINER_DEADLINE_MS = 15 * SECOND_MS;
const MACHINE_DEADLINE_MS = 60 * SECOND_MS;
const MOST_TIMES_RUNC = 5;
const MOST_TIMES_QEMU = 1.3;
const MOST_START_MS = 1000;
const MOST_IDLE_MIB = 180;

type Meta = Omit<Measured, 'samples' | 'unit'> & { readonly n?: number; readonly warmUp?: number };

/** Everything that promises how fast something starts, measured in one run on an instance of its own. */
export async function runStart(options: BenchOptions): Promise<readonly Result[]> {
  const { signal } = options;
  const bench = new Bench(options);
  options.note('starting an instance');
  const instance = await startInstance(options.podCidr, signal);
  try {
    await bench.memory('memory.started', 'resident memory, both processes, after start', instance);
    await containers(bench, instance);
    await machines(bench, instance);
    await peers(bench);
    await bench.memory('memory.idle', 'resident memory, both processes, idle after the pods', instance);
    await platformStart(bench, instance);
  } finally {
    options.note('removing the instance');
    await instance.close();
  }
  return bench.results;
}

async function containers(bench: Bench, instance: Instance): Promise<void> {
  const { signal } = bench.options;
  const bundle = await makeBareBundle(signal);
  try {
    await bench.measure({ id: 'runc.detach', what: 'runc run --detach, same root and entrypoint' }, () =>
      bundle.detached('runc'),
    );
    await bench.measure({ id: 'runc', what: 'runc run of true, same root, until it has ended' }, () =>
      bundle.untilEnd('runc'),
    );
    const bounds = [{ to: 'runc', atMost: MOST_TIMES_RUNC }];
    await pods(bench, instance, { id: 'pod.container', what: 'container pod, create to Ready', bounds });
    const what = 'container pod with an HTTP readiness probe';
    await pods(bench, instance, { id: 'pod.container.probe', what, probe: true });
    await bench.measure({ id: 'runsc', what: 'runsc run of true, same root, until it has ended' }, () =>
      bundle.untilEnd('runsc'),
    );
    const gvisor = { id: 'pod.gvisor', what: 'gVisor pod, create to Ready', runtimeClass: 'gvisor' };
    await pods(bench, instance, { ...gvisor, bounds: [{ to: 'runsc', atMost: MOST_TIMES_RUNC }] });
  } finally {
    await bundle.close();
  }
}

async function machines(bench: Bench, instance: Instance): Promise<void> {
  const qemu = { id: 'qemu', what: 'QEMU alone, boot of the same kernel to pid 1', n: MACHINE_SAMPLES };
  const vm = { id: 'pod.microvm', what: 'microVM pod, create to Ready', n: MACHINE_SAMPLES, warmUp: 1 };
  if (instance.noGuest !== '') {
    for (const { id, what } of [qemu, vm]) bench.leaveOut(id, what, instance.noGuest);
    return;
  }
  let machine: Awaited<ReturnType<typeof makeBareMachine>> | undefined;
  try {
    await bench.measure({ ...qemu, warmUp: 1 }, async () => {
      machine ??= await makeBareMachine(instance.layout, bench.options.signal);
      return await machine.boot();
    });
  } finally {
    await machine?.close();
  }
  const bounds = [{ to: 'qemu', atMost: MOST_TIMES_QEMU }];
  await pods(bench, instance, { ...vm, runtimeClass: 'microvm', deadlineMs: MACHINE_DEADLINE_MS, bounds });
}

async function peers(bench: Bench): Promise<void> {
  for (const { id, what, open } of PEERS) {
    let peer: Awaited<ReturnType<typeof open>> | undefined;
    try {
      await bench.measure({ id, what }, async () => {
        peer ??= await open();
        return await peer.start();
      });
    } finally {
      await peer?.close();
    }
  }
}

async function platformStart(bench: Bench, instance: Instance): Promise<void> {
  const { signal } = bench.options;
  const meta = {
    id: 'api',
    what: 'process start to API ready, 1,000 objects',
    bounds: [{ atMost: MOST_START_MS }],
  };
  let filled: Promise<void> | undefined;
  await bench.measure(meta, async () => {
    filled ??= (async () => {
      const client = await instance.connect();
      await fillStore(client, signal).finally(() => client.close());
      await instance.amphora(['down']);
    })();
    await filled;
    return await timeToApi(instance, signal);
  });
}

interface PodMeta extends Meta {
  readonly runtimeClass?: string;
  readonly probe?: boolean;
  readonly deadlineMs?: number;
}

async function pods(bench: Bench, instance: Instance, meta: PodMeta): Promise<void> {
  const { runtimeClass, probe = false, deadlineMs = CONTAINER_DEADLINE_MS, ...shown } = meta;
  const readinessProbe = { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 };
  const spec: PodSpec = {
    ...(runtimeClass === undefined ? {} : { runtimeClassName: runtimeClass }),
    containers: [{ name: 'web', image: instance.image, ...(probe ? { readinessProbe } : {}) }],
  };
  const client = await instance.connect();
  let number = 0;
  try {
    await bench.measure(shown, () => {
      number += 1;
      const name = `${meta.id.replaceAll('.', '-')}-${number}`;
      return timeToReady({ client, name, spec, deadlineMs, signal: bench.options.signal });
    });
  } finally {
    await client.close();
  }
}

/** Takes the samples and keeps the results. */
class Bench {
  readonly options: BenchOptions;
  readonly results: Result[] = [];

  constructor(options: BenchOptions) {
    this.options = options;
  }

  /** Measures after a warm-up. What cannot be measured is kept with its reason, and the rest goes on. */
  async measure(
    { n = this.options.samples, warmUp = WARM_UP, ...meta }: Meta,
    once: () => Promise<number>,
  ): Promise<void> {
    if (!this.#isWanted(meta.id)) return;
    this.options.note(meta.what);
    const samples: number[] = [];
    try {
      for (let round = 0; round < warmUp + n; round += 1) {
        const sample = await once();
        if (round >= warmUp) samples.push(sample);
      }
      this.results.push({ ...meta, unit: 'ms', samples });
    } catch (error) {
      this.options.signal.throwIfAborted();
      this.leaveOut(meta.id, meta.what, error instanceof Error ? error.message : String(error));
    }
  }

  async memory(id: string, what: string, instance: Instance): Promise<void> {
    if (!this.#isWanted(id)) return;
    this.options.note(what);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    this.results.push({
      id,
      what,
      unit: 'MiB',
      samples: [await residentMiB(instance)],
      bounds: [{ atMost: MOST_IDLE_MIB }],
    });
  }

  #isWanted(id: string): boolean {
    return this.options.only.split(',').some((part) => id.includes(part));
  }

  leaveOut(id: string, what: string, unavailable: string): void {
    this.results.push({ id, what, unavailable });
  }
}
