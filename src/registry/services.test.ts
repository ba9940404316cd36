import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiObject } from '../api/kind.ts';
import { isCode } from '../lib/errors.ts';
import { bench, kindOf } from './testing/bench.ts';

const services = { kind: kindOf('', 'v1', 'services'), namespace: 'default' };
const addresses = { kind: kindOf('networking.k8s.io', 'v1', 'ipaddresses'), namespace: '' };

interface Spec {
  clusterIP?: string;
  clusterIPs?: string[];
  type?: string;
  ports: { port: number; nodePort?: number }[];
}

function service(name: string, spec: object = {}): ApiObject {
  const ports = [{ port: 80, protocol: 'TCP' }];
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports, ...spec } };
}

function specOf(object: { object(): Readonly<ApiObject> }): Spec {
  return object.object().spec as Spec; // The kind's schema.
}

test('a service gets an address of its own, and gives it back', async () => {
  const { registry, context } = bench();
  const made = specOf(await registry.create(context, services, service('a')));
  assert.match(made.clusterIP ?? '', /^10\.96\.\d+\.\d+$/);
  assert.deepEqual(made.clusterIPs, [made.clusterIP]);
  const { items } = await registry.list(context, addresses, {});
  assert.deepEqual(
    items.map((item) => item.object().metadata.name),
    [made.clusterIP],
  );
  const again = await registry.update(
    context,
    { ...services, name: 'a' },
    service('a', { selector: { app: 'x' } }),
  );
  assert.equal(specOf(again.object).clusterIP, made.clusterIP);
  await registry.delete(context, { ...services, name: 'a' }, {});
  assert.equal((await registry.list(context, addresses, {})).items.length, 0);
});

test('an address that is taken, or is none of ours, is refused', async () => {
  const { registry, context } = bench();
  await registry.create(context, services, service('a', { clusterIP: '10.96.0.1' }));
  for (const clusterIP of ['10.96.0.1', '10.97.0.1', 'nonsense', '10.96.0.0'])
    await assert.rejects(
      registry.create(context, services, service('b', { clusterIP })),
      (error) => isCode(error, 'Invalid') && error.details[0]?.field === 'spec.clusterIPs',
    );
  await assert.rejects(registry.create(context, services, service('a', { clusterIP: '10.96.0.1' })), {
    code: 'AlreadyExists',
  });
});

test('many services at once get different addresses', async () => {
  const { registry, context } = bench();
  const names = Array.from({ length: 50 }, (_, index) => `s${index}`);
  const made = await Promise.all(names.map((name) => registry.create(context, services, service(name))));
  assert.equal(new Set(made.map((one) => specOf(one).clusterIP)).size, 50);
});

test('headless services and names have no address', async () => {
  const { registry, context } = bench();
  const headless = specOf(await registry.create(context, services, service('h', { clusterIP: 'None' })));
  assert.deepEqual(headless.clusterIPs, ['None']);
  const named = { type: 'ExternalName', externalName: 'example.com' };
  const external = specOf(await registry.create(context, services, service('e', named)));
  assert.equal(external.clusterIP, undefined);
  assert.equal((await registry.list(context, addresses, {})).items.length, 0);
  const target = { ...services, name: 'e' };
  const { object } = await registry.update(context, target, service('e'));
  assert.match(specOf(object).clusterIP ?? '', /^10\.96\./);
  const back = await registry.patch(context, target, { type: 'merge', value: { spec: named } });
  assert.equal(specOf(back.object).clusterIP, undefined);
  assert.equal((await registry.list(context, addresses, {})).items.length, 0);
});

test('node ports are chosen, kept, and not given twice', async () => {
  const { registry, context } = bench();
  const made = specOf(await registry.create(context, services, service('a', { type: 'NodePort' })));
  const nodePort = made.ports[0]?.nodePort ?? 0;
  assert.ok(nodePort >= 30_000 && nodePort <= 32_767);
  const target = { ...services, name: 'a' };
  const kept = await registry.update(
    context,
    target,
    service('a', { type: 'NodePort', selector: { a: 'b' } }),
  );
  assert.equal(specOf(kept.object).ports[0]?.nodePort, nodePort);
  const ports = [{ port: 80, protocol: 'TCP', nodePort }];
  await assert.rejects(
    registry.create(context, services, service('b', { type: 'NodePort', ports })),
    (error) => isCode(error, 'Invalid') && /already allocated/.test(error.message),
  );
  await assert.rejects(
    registry.create(
      context,
      services,
      service('c', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }),
    ),
    (error) => isCode(error, 'Invalid') && /valid range/.test(error.message),
  );
  await registry.delete(context, target, {});
  await registry.create(context, services, service('b', { type: 'NodePort', ports }));
});
