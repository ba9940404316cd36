import type { Lease, Node } from '../../api/types.generated.ts';
import type { ClassFingerprint } from '../../engines/sandbox-spec.ts';
import { toMicroTime } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { AgentOptions } from '../options.ts';
import { type MachineFacts, machineFacts } from './machine.ts';
import { nodeLabels, nodeStatus } from './node-object.ts';
import { type Pressure, pressureOf, readLevels } from './pressure.ts';

const NODES = { apiVersion: 'v1', resource: 'nodes' };
const LEASES = { apiVersion: 'coordination.k8s.io/v1', resource: 'leases', namespace: 'kube-node-lease' };

/** Registers the node, and keeps its status and its lease fresh. */
export class NodeKeeper {
  readonly #options: AgentOptions;
  readonly #classes: readonly ClassFingerprint[];

  constructor(options: AgentOptions, classes: readonly ClassFingerprint[]) {
    this.#options = options;
    this.#classes = classes;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const facts = await machineFacts(this.#options.bootId);
    let statusAt = 0;
    let told = '';
    let waitMs: number = LIMITS.nodeHeartbeatMs;
    while (!signal.aborted) {
      waitMs = LIMITS.nodeHeartbeatMs;
      try {
        const pressure = pressureOf(await readLevels(this.#options.directories.state));
        const changed = JSON.stringify(pressure) !== told;
        if (changed || clock.now() - statusAt >= LIMITS.nodeStatusMs) {
          await this.#register({ facts, pressure }, signal);
          statusAt = clock.now();
          told = JSON.stringify(pressure);
        }
        await this.#renewLease(signal);
      } catch (error) {
        if (signal.aborted) return;
        statusAt = 0;
        waitMs = LIMITS.stepBackoffMs;
        log.warn({ err: error, node: this.#options.nodeName }, 'node not reported; trying again');
      }
      await clock.sleep(waitMs, signal).catch(() => {});
    }
  }

  async #register(
    { facts, pressure }: { readonly facts: MachineFacts; readonly pressure: Pressure },
    signal: AbortSignal,
  ): Promise<void> {
    const { client, nodeName: name } = this.#options;
    const labels = nodeLabels(this.#options, this.#classes, facts);
    const annotations = Object.fromEntries(
      this.#classes.map((one) => [
        `amphora.dev/runtime-class-${one.runtimeClass}`,
        one.available ? one.version : one.reason,
      ]),
    );
    const metadata = { name, labels, annotations };
    let node: Node;
    try {
      node = await client.patch<Node>(
        { ...NODES, name },
        { type: 'merge', body: { metadata: { labels, annotations } } },
        { signal },
      );
    } catch (error) {
      if (!isCode(error, 'NotFound')) throw error;
      node = await client.create<Node>(
        NODES,
        { apiVersion: 'v1', kind: 'Node', metadata, spec: {} },
        { signal },
      );
    }
    const images = await this.#options.images.list();
    const before = node.status;
    const view = { classes: this.#classes, facts, images, before, pressure };
    const status = nodeStatus(this.#options, view);
    await client.patch(
      { ...NODES, name, subresource: 'status' },
      { type: 'merge', body: { status } },
      { signal },
    );
  }

  async #renewLease(signal: AbortSignal): Promise<void> {
    const { client, clock, nodeName: name } = this.#options;
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: LIMITS.nodeLeaseSeconds,
      renewTime: toMicroTime(clock.now()),
    };
    try {
      await client.patch<Lease>({ ...LEASES, name }, { type: 'merge', body: { spec } }, { signal });
    } catch (error) {
      if (!isCode(error, 'NotFound')) throw error;
      const lease = {
        apiVersion: LEASES.apiVersion,
        kind: 'Lease',
        metadata: { name, namespace: LEASES.namespace },
        spec,
      };
      await client.create<Lease>(LEASES, lease, { signal });
    }
  }
}
