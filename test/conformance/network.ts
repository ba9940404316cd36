import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Network } from '../../src/network/network.ts';

/** How the suite reaches one network. The probes look at the machine; a network in memory has none. */
export interface NetworkHarness {
  readonly name: string;
  readonly skip?: string;
  open(): Promise<Network>;
  /** The same network with a plugin at the end of its chain that always fails. */
  broken?(): Promise<Network>;
  readonly machine?: {
    /** Whether `from` (a namespace path, or undefined for the host) gets an answer from a TCP server in `to`. */
    reaches(
      from: string | undefined,
      to: { path: string; port: number; via: string; viaPort: number },
    ): Promise<boolean>;
    deleteInterface(path: string): Promise<void>;
    /** All that belongs to these sandboxes: namespaces, interfaces, leases, rules. */
    leftovers(sandboxIds: readonly string[]): Promise<readonly string[]>;
    /** All that the network shares between sandboxes. */
    shared(): Promise<readonly string[]>;
  };
  close(): Promise<void>;
}

const NEVER = new AbortController().signal;

function request(sandboxId: string, hostPort?: number) {
  const mapping = { hostPort: hostPort ?? 0, containerPort: 8080, protocol: 'tcp' } as const;
  const portMappings = hostPort === undefined ? [] : [mapping];
  return { sandboxId, podNamespace: 'default', podName: sandboxId, podUid: sandboxId, portMappings };
}

/** Registers the suite for one network. */
export function networkConformance(harness: NetworkHarness): void {
  describe(`network ${harness.name}`, { skip: harness.skip ?? false }, () => {
    const machine = { skip: harness.machine === undefined ? 'nothing of it is on the machine' : false };
    let network: Network | undefined;
    const net = () => {
      assert.ok(network, 'the network is open');
      return network;
    };
    before(async () => {
      network = await harness.open();
    });
    after(async () => {
      await network?.purge(AbortSignal.timeout(60_000));
      await harness.close();
    });

    it('answers the same twice, also to a new instance, and another sandbox gets another address', async () => {
      const one = await net().attach(request('t-net-one'), NEVER);
      assert.deepEqual(await net().attach(request('t-net-one'), NEVER), one);
      if (harness.machine !== undefined) {
        assert.deepEqual(await (await harness.open()).attach(request('t-net-one'), NEVER), one);
      }
      const two = await net().attach(request('t-net-two'), NEVER);
      const [first, second] = [one.interfaces[0], two.interfaces[0]];
      assert.match(first?.addresses[0] ?? '', /^\d+\.\d+\.\d+\.\d+\/\d+$/);
      assert.match(first?.mac ?? '', /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
      assert.equal(first?.name, 'eth0');
      assert.ok((first?.mtu ?? 0) >= 1280);
      assert.ok(
        first?.routes.some((route) => route.destination === '0.0.0.0/0' && route.gateway !== undefined),
      );
      assert.notEqual(first?.addresses[0], second?.addresses[0]);
      assert.deepEqual([...(await net().list(NEVER))].sort(), ['t-net-one', 't-net-two']);
      await net().check('t-net-one', NEVER);
      for (const id of ['t-net-one', 't-net-two', 't-net-one']) await net().detach(id, NEVER);
      assert.deepEqual(await net().list(NEVER), []);
      await assert.rejects(net().check('t-net-one', NEVER), { code: 'Unavailable' });
      assert.deepEqual((await harness.machine?.leftovers(['t-net-one', 't-net-two'])) ?? [], []);
    });

    it('refuses a host port that another sandbox has, and gives it back', async () => {
      await net().attach(request('t-net-one', 39_180), NEVER);
      await assert.rejects(net().attach(request('t-net-two', 39_180), NEVER), { code: 'Conflict' });
      assert.deepEqual(await net().list(NEVER), ['t-net-one']);
      await net().detach('t-net-one', NEVER);
      await net().attach(request('t-net-two', 39_180), NEVER);
      await net().detach('t-net-two', NEVER);
      assert.deepEqual((await harness.machine?.leftovers(['t-net-one', 't-net-two'])) ?? [], []);
    });

    it(
      'lets sandboxes reach each other and the host reach them, by address and host port',
      machine,
      async () => {
        const { reaches } = harness.machine ?? assert.fail();
        const one = await net().attach(request('t-net-one'), NEVER);
        const two = await net().attach(request('t-net-two', 39_181), NEVER);
        const via = two.interfaces[0]?.addresses[0]?.split('/')[0] ?? '';
        const to = { path: two.path, port: 8080, via, viaPort: 8080 };
        assert.equal(await reaches(one.path, to), true, 'sandbox to sandbox');
        assert.equal(await reaches(undefined, to), true, 'host to sandbox');
        assert.equal(await reaches(undefined, { ...to, viaPort: 8081 }), false, 'nobody listens there');
        assert.equal(
          await reaches(undefined, { ...to, via: '127.0.0.1', viaPort: 39_181 }),
          true,
          'host port',
        );
        for (const id of ['t-net-one', 't-net-two']) await net().detach(id, NEVER);
        assert.deepEqual(await harness.machine?.leftovers(['t-net-one', 't-net-two']), []);
      },
    );

    it('notices an interface that was deleted, and detaches it all the same', machine, async () => {
      const { path } = await net().attach(request('t-net-one'), NEVER);
      await net().check('t-net-one', NEVER);
      await harness.machine?.deleteInterface(path);
      await assert.rejects(net().check('t-net-one', NEVER), { code: 'Unavailable' });
      await net().detach('t-net-one', NEVER);
      assert.deepEqual(await harness.machine?.leftovers(['t-net-one']), []);
    });

    it('undoes an attachment that failed half way', machine, async (test) => {
      if (harness.broken === undefined) return test.skip('no way to break it');
      const broken = await harness.broken();
      await assert.rejects(broken.attach(request('t-net-half'), NEVER));
      await broken.detach('t-net-half', NEVER).catch(() => {});
      await net().detach('t-net-half', NEVER);
      assert.deepEqual(await harness.machine?.leftovers(['t-net-half']), []);
    });

    it('purges what sandboxes share', machine, async () => {
      await net().attach(request('t-net-one'), NEVER);
      assert.notDeepEqual(await harness.machine?.shared(), []);
      await net().purge(NEVER);
      assert.deepEqual(await harness.machine?.shared(), []);
      await net().purge(NEVER);
    });
  });
}
