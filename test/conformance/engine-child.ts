import type { Engine } from '../../src/engines/engine.ts';
import type { ContainerSpec, SandboxSpec } from '../../src/engines/sandbox-spec.ts';

interface Order {
  readonly module: string;
  readonly options: unknown;
  readonly spec: SandboxSpec;
  readonly container: ContainerSpec;
}

// A process that makes a sandbox and then waits to be killed; the suite wrote the order.
const order = JSON.parse(process.argv[2] ?? '{}') as Order;
const module = (await import(order.module)) as { open(options: unknown): Promise<Engine> };
const engine = await module.open(order.options);
process.stdout.write('opened\n');
const signal = new AbortController().signal;
await engine.create(order.spec, signal);
await engine.start(order.spec.id, order.container, signal);
process.stdout.write('started\n');
setInterval(() => {}, 60_000);
