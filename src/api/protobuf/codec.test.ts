import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { AmphoraError } from '../../lib/errors.ts';
import { createKindTable } from '../kinds.ts';
import { createProtobufCodec } from './codec.ts';

const GOLDEN = resolve(import.meta.dirname, '../../../../shared/testdata/kubernetes-api/v1.36.0');
const codec = createProtobufCodec();

test('golden objects of every served kind round-trip', {
  skip: existsSync(GOLDEN) ? false : 'no ../shared/testdata here',
}, () => {
  const kinds = createKindTable();
  let compared = 0;
  for (const file of readdirSync(GOLDEN).filter(
    (name) => name.endsWith('.pb') && !name.includes('after_roundtrip'),
  )) {
    const golden = JSON.parse(readFileSync(join(GOLDEN, file.replace(/pb$/, 'json')), 'utf8'));
    if (
      kinds.byKind(golden.apiVersion, golden.kind) === undefined ||
      /\d(alpha|beta)\d/.test(golden.apiVersion)
    )
      continue;
    const bytes = readFileSync(join(GOLDEN, file));
    const decoded = codec.decode(bytes);
    assert.deepEqual(decoded, golden, file);
    const encoded = codec.encode(golden);
    assert.ok(encoded !== undefined && bytes.equals(encoded), `${file}: encoded bytes differ`);
    compared += 1;
  }
  assert.ok(compared > 50, `only ${compared} golden objects were compared`);
});

test('a zero that is not set is dropped, one that is a pointer or always written is kept', () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [], priority: 0, hostNetwork: false },
  };
  const decoded = codec.decode(codec.encode(pod) ?? new Uint8Array());
  assert.deepEqual(decoded, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { priority: 0 },
  });
});

test('a key named __proto__ is a key', () => {
  const labels = JSON.parse('{"__proto__":"x"}');
  const decoded = codec.decode(
    codec.encode({ apiVersion: 'v1', kind: 'Pod', metadata: { labels } } as never) ?? new Uint8Array(),
  );
  assert.equal(JSON.stringify(decoded.metadata), '{"labels":{"__proto__":"x"}}');
});

const broken: Readonly<Record<string, Buffer>> = {
  'no magic': Buffer.from('{"kind":"Pod"}'),
  'nothing behind the magic': Buffer.from('k8s\0'),
  'an envelope that runs past the end': Buffer.from('k8s\0\x0a\xff\x01', 'latin1'),
  'a message that runs past the end': Buffer.concat([
    Buffer.from('k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x03', 'latin1'),
    Buffer.from([0x0a, 0xff, 0x01]),
  ]),
  'groups without an end': Buffer.concat([Buffer.from('k8s\0'), Buffer.alloc(5000, 0x0b)]),
};
for (const [name, bytes] of Object.entries(broken)) {
  test(`refused: ${name}`, () => {
    assert.throws(
      () => codec.decode(bytes),
      (error) =>
        error instanceof AmphoraError &&
        (error.code === 'BadRequest' || error.code === 'UnsupportedMediaType'),
    );
  });
}
