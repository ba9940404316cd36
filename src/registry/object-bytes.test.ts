import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKindTable } from '../api/kinds.ts';
import { convert, storageKind } from './conversion.ts';
import { encodeObject, objectBytes, SharedBytes } from './object-bytes.ts';

const object = {
  metadata: {
    name: 'a',
    resourceVersion: '3',
    labels: { 'x/y': 'z' },
    annotations: { note: '"metadata":{"}' },
  },
  kind: 'ConfigMap',
  apiVersion: 'v1',
  data: { key: 'ü"metadata":{' },
};

test('the stored bytes leave the revision out, and it is put in where they are read', () => {
  const stored = encodeObject(object);
  assert.equal(stored.includes('resourceVersion'), false);
  assert.ok(stored.toString().startsWith('{"kind":"ConfigMap","apiVersion":"v1","metadata":{'));
  const bytes = objectBytes(stored, 42);
  const expected = { ...object, metadata: { ...object.metadata, resourceVersion: '42' } };
  assert.deepEqual(JSON.parse(bytes.json.toString()), expected);
  assert.deepEqual(bytes.object(), expected);
  assert.ok(Object.isFrozen(bytes.object().metadata.labels));
  assert.deepEqual(bytes.labels(), { 'x/y': 'z' });
});

test('an object without labels has none, whatever its annotations say', () => {
  const metadata = { name: 'a', annotations: { labels: '"labels":{"a":"b"}' } };
  assert.deepEqual(objectBytes(encodeObject({ ...object, metadata }), 1).labels(), {});
});

test('labels with quotes and braces in them are read whole', () => {
  const labels = { a: '}"\\', b: '{' };
  const stored = encodeObject({ ...object, metadata: { name: 'a', labels } });
  assert.deepEqual(objectBytes(stored, 1).labels(), labels);
});

test('all who are handed the same buffer share one view of it', () => {
  const shared = new SharedBytes();
  const stored = encodeObject(object);
  const first = shared.of(stored, 1);
  assert.equal(shared.of(stored, 1), first);
  assert.equal(shared.of(stored, 2).object().metadata.resourceVersion, '2');
});

test('the two event groups are one object under two sets of names', () => {
  const kinds = createKindTable();
  const newer = kinds.find('events.k8s.io', 'v1', 'events');
  const core = kinds.find('', 'v1', 'events');
  assert.ok(newer !== undefined && core !== undefined);
  assert.equal(storageKind(newer, kinds), core);
  const event = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'e' },
    regarding: { kind: 'Pod' },
    note: 'hello',
    deprecatedCount: 2,
  };
  const stored = convert(event, core);
  assert.equal(stored.apiVersion, 'v1');
  assert.deepEqual([stored.involvedObject, stored.message, stored.count], [{ kind: 'Pod' }, 'hello', 2]);
  assert.deepEqual(convert(stored, newer), event);
});
