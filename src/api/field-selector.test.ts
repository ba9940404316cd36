import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCode } from '../lib/errors.ts';
import { matchesFields, parseFieldSelector } from './field-selector.ts';
import { createKindTable } from './kinds.ts';

const table = createKindTable();
function kind(apiVersion: string, name: string) {
  const found = table.byKind(apiVersion, name);
  assert.ok(found !== undefined);
  return found;
}
const pod = {
  metadata: { name: 'a', namespace: 'n' },
  spec: { nodeName: 'x' },
  status: { phase: 'Running' },
};

const cases: ReadonlyArray<[string, boolean]> = [
  ['', true],
  ['metadata.name=a', true],
  ['metadata.name==a,metadata.namespace=n', true],
  ['metadata.name!=a', false],
  ['status.phase!=Succeeded,status.phase!=Failed', true],
  ['spec.nodeName=', false],
  ['spec.host=x', true],
  ['spec.hostNetwork=false', true],
  ['status.podIP=', true],
];
for (const [text, expected] of cases) {
  test(`pods by "${text}"`, () => {
    assert.equal(matchesFields(parseFieldSelector(kind('v1', 'Pod'), text), pod), expected);
  });
}

test('values may be escaped', () => {
  const [term] = parseFieldSelector(kind('v1', 'Pod'), 'metadata.name=a\\,b\\=c\\\\');
  assert.deepEqual(term, { path: 'metadata.name', equal: true, value: 'a,b=c\\' });
});

test('events are found by what they are about, in both groups', () => {
  const core = parseFieldSelector(kind('v1', 'Event'), 'involvedObject.name=p,source=kubelet');
  assert.ok(matchesFields(core, { involvedObject: { name: 'p' }, reportingComponent: 'kubelet' }));
  const other = parseFieldSelector(kind('events.k8s.io/v1', 'Event'), 'regarding.name=p');
  assert.ok(matchesFields(other, { regarding: { name: 'p' } }));
});

test('a missing spec.unschedulable is false', () => {
  assert.ok(matchesFields(parseFieldSelector(kind('v1', 'Node'), 'spec.unschedulable=false'), { spec: {} }));
});

const refused: ReadonlyArray<[string, string, RegExp]> = [
  ['Pod', 'spec.foo=x', /^field label not supported: spec\.foo$/],
  [
    'ConfigMap',
    'data=x',
    /^"data" is not a known field selector: only "metadata\.name", "metadata\.namespace"$/,
  ],
  ['Pod', 'metadata.name', /^invalid selector: 'metadata\.name'; can't understand 'metadata\.name'$/],
];
for (const [name, text, message] of refused) {
  test(`${name}s by "${text}" is refused`, () => {
    assert.throws(
      () => parseFieldSelector(kind('v1', name), text),
      (error) => isCode(error, 'BadRequest') && message.test(error.message),
    );
  });
}
