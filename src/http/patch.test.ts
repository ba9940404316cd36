import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Answer, type Fixture, startFixture } from './testing/fixture.ts';

let api: Fixture;
before(async () => {
  api = await startFixture();
});
after(async () => {
  await api[Symbol.asyncDispose]();
});

const MAPS = '/api/v1/namespaces/default/configmaps';
const TYPES = {
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
};

function patch(path: string, type: keyof typeof TYPES, body: unknown): Promise<Answer> {
  return api.call('PATCH', path, { body, headers: { 'content-type': TYPES[type] } });
}

function map(name: string, data: Record<string, string>): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

test('strict validation refuses what a patch says twice or nobody knows; else it warns', async () => {
  assert.equal((await api.call('POST', MAPS, { body: map('strict', { x: '1' }) })).status, 201);
  const path = `${MAPS}/strict`;
  const cases = [
    ['merge', '{"dat":{}}', 422, 'strict decoding error: unknown field "dat"', 'unknown field "dat"'],
    [
      'merge',
      '{"data":{"x":"2","x":"3"}}',
      422,
      'strict decoding error: duplicate field "data.x"',
      'duplicate field "data.x"',
    ],
    [
      'json',
      '[{"op":"add","path":"/data/y","value":"1","val":1}]',
      422,
      'strict decoding error: json patch unknown field "[0].val"',
      'json patch unknown field "[0].val"',
    ],
    [
      'json',
      '[{"op":"add","path":"/dat","value":"1"}]',
      422,
      'strict decoding error: unknown field "dat"',
      'unknown field "dat"',
    ],
    [
      'apply',
      JSON.stringify(map('strict', {})).replace('"data":{}', '"data":{"x":"1","x":"1"}'),
      400,
      'error strict decoding patch: duplicate field "data.x"',
      'duplicate field "data.x"',
    ],
  ] as const;
  for (const [type, body, status, error, warning] of cases) {
    const query = '?fieldManager=m&force=true&fieldValidation=';
    const options = type === 'apply' ? query : query.replace('&force=true', '');
    const refused = await patch(`${path}${options}Strict`, type, body);
    assert.equal(refused.status, status, refused.text);
    assert.ok(String(refused.json().message).endsWith(error), refused.text);
    const before = (await api.call('GET', path)).json();
    const warned = await patch(`${path}${options}Warn&dryRun=All`, type, body);
    assert.match(String(warned.headers.warning), new RegExp(warning.replaceAll(/["[\].]/g, '.*')));
    const ignored = await patch(`${path}${options}Ignore&dryRun=All`, type, body);
    assert.deepEqual([warned.status, ignored.status, ignored.headers.warning], [200, 200, undefined]);
    assert.deepEqual((await api.call('GET', path)).json(), before);
  }
});

test('options are checked in the words of upstream', async () => {
  const long = 'x'.repeat(129);
  const cases = [
    [
      'apply',
      '',
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ],
    [
      'merge',
      '?force=true',
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    ],
    [
      'merge',
      `?fieldManager=${long}`,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
    ],
    [
      'merge',
      '?fieldManager=a%07',
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "a\\u0007": invalid character U+0007 (at position 1)',
    ],
    [
      'merge',
      '?dryRun=No',
      'PatchOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["No"]: supported values: "All"',
    ],
  ] as const;
  for (const [type, query, message] of cases) {
    const answer = await patch(`${MAPS}/any${query}`, type, map('any', {}));
    assert.deepEqual([answer.status, answer.json().message], [422, message]);
  }
  const cbor = await api.call('PATCH', `${MAPS}/any?fieldManager=x`, {
    body: 'x',
    headers: { 'content-type': 'application/apply-patch+cbor' },
  });
  assert.equal(cbor.status, 415);
});
