import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { LIMITS } from '../../src/lib/limits.ts';
import { type E2ePlatform, SKIP, startPlatform } from './platform.ts';

const PODS = '/api/v1/namespaces/default/pods';
const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';

interface Identity {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

interface Answer {
  readonly code: number;
  readonly text: string;
}

/** Each: what is sent, and what the Status must be and name. */
const CASES: readonly {
  readonly name: string;
  readonly path?: string;
  readonly type?: string;
  readonly body: string | Buffer;
  readonly code: number;
  readonly says: RegExp;
}[] = [
  { name: 'malformed JSON', body: '{"kind": "Pod",', code: 400, says: /JSON|json/ },
  { name: 'malformed YAML', type: YAML_TYPE, body: 'a: [1, 2\nb: }', code: 400, says: /YAML|yaml/i },
  {
    name: 'malformed protobuf',
    type: 'application/vnd.kubernetes.protobuf',
    body: Buffer.from('k8s\0\xff\xff\xff\xff', 'latin1'),
    code: 400,
    says: /protobuf|cut|decod/i,
  },
  {
    name: 'protobuf without its first bytes',
    type: 'application/vnd.kubernetes.protobuf',
    body: 'not protobuf',
    code: 400,
    says: /protobuf|k8s/i,
  },
  {
    name: 'an oversized body',
    body: `{"kind":"Pod","x":"${'x'.repeat(LIMITS.requestBodyBytes + 1)}"}`,
    code: 413,
    says: /large|limit|bytes/i,
  },
  {
    name: 'deep nesting',
    body: `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
    code: 400,
    says: /nest|deep/i,
  },
  {
    name: 'a YAML bomb',
    type: YAML_TYPE,
    body: `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
      .split('')
      .map((letter, at) => `${letter}: &${letter} [${Array(9).fill(`*${'abcdefghi'[at]}`).join(',')}]`)
      .join('\n')}`,
    code: 400,
    says: /alias/i,
  },
  {
    name: 'a content type nobody reads',
    type: 'text/csv',
    body: 'a,b',
    code: 415,
    says: /text\/csv|media type/,
  },
  {
    name: 'an unknown kind',
    path: '/apis/example.org/v1/namespaces/default/boats',
    body: '{"kind":"Boat","apiVersion":"example.org/v1","metadata":{"name":"a"}}',
    code: 404,
    says: /could not find/,
  },
  {
    name: 'a kind that is not the path’s',
    body: '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"}}',
    code: 400,
    says: /ConfigMap/,
  },
  {
    name: 'an invalid name',
    body: pod({ metadata: { name: 'Not_A_Name' } }),
    code: 422,
    says: /metadata\.name.*Not_A_Name/,
  },
  { name: 'a pod without containers', body: pod({ spec: {} }), code: 422, says: /spec\.containers/ },
  {
    name: 'an unknown field, strictly',
    path: `${PODS}?fieldValidation=Strict`,
    body: pod({ spec: { containers: [{ name: 'a', image: 'b', imagee: 'c' }] } }),
    code: 400,
    says: /unknown field "spec\.containers\[0\]\.imagee"/,
  },
  {
    name: 'a field of the wrong type',
    body: pod({ spec: { containers: 'many' } }),
    code: 400,
    says: /spec\.containers/,
  },
  {
    name: 'a namespace that is not there',
    path: '/api/v1/namespaces/nowhere/pods',
    body: pod({ spec: { containers: [{ name: 'a', image: 'b' }] } }),
    code: 404,
    says: /namespaces "nowhere" not found/,
  },
];

function pod(fields: object): string {
  return JSON.stringify({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'bad' }, ...fields });
}

describe('bad input over HTTPS', { skip: SKIP, timeout: 120_000 }, () => {
  let platform: E2ePlatform;
  let identity: Identity;

  before(async () => {
    platform = await startPlatform('eb');
    identity = identityOf(parse(await readFile(platform.kubeconfig, 'utf8')));
  });
  after(() => platform?.purge());

  for (const { name, path = PODS, type = JSON_TYPE, body, code, says } of CASES) {
    test(`${name} is answered with a Status`, { timeout: 20_000 }, async () => {
      const answer = await send({ path, type, body, port: platform.port, identity });
      const status = JSON.parse(answer.text) as {
        kind: string;
        status: string;
        code: number;
        message: string;
      };
      assert.deepEqual(
        [answer.code, status.kind, status.status, status.code],
        [code, 'Status', 'Failure', code],
        status.message,
      );
      assert.match(status.message, says);
      assert.doesNotMatch(status.message, /\n\s+at /, 'no stack trace');
    });
  }

  test('the server answers as before, and nothing was stored', async () => {
    const answer = await send({ path: PODS, port: platform.port, identity });
    assert.equal(answer.code, 200);
    assert.deepEqual((JSON.parse(answer.text) as { items: unknown[] }).items, []);
  });
});

// The file is what `amphora up` has just written.
function identityOf(kubeconfig: {
  clusters: { cluster: Record<string, string> }[];
  users: { user: Record<string, string> }[];
}): Identity {
  const decoded = (text: string | undefined) => Buffer.from(text ?? '', 'base64');
  const user = kubeconfig.users[0]?.user;
  return {
    ca: decoded(kubeconfig.clusters[0]?.cluster['certificate-authority-data']),
    cert: decoded(user?.['client-certificate-data']),
    key: decoded(user?.['client-key-data']),
  };
}

/** A POST when there is a body, else a GET. */
function send(options: {
  path: string;
  port: number;
  identity: Identity;
  type?: string;
  body?: string | Buffer;
}): Promise<Answer> {
  const { path, port, identity, type, body } = options;
  return new Promise((resolve, reject) => {
    const sent = request({
      host: '127.0.0.1',
      port,
      path,
      ...identity,
      agent: false,
      method: body === undefined ? 'GET' : 'POST',
      headers: { accept: JSON_TYPE, ...(type === undefined ? {} : { 'content-type': type }) },
    });
    let isAnswered = false;
    // A body that is too large is refused before all of it is read: writing the rest may fail then.
    sent.on('error', (error) => isAnswered || reject(error));
    sent.once('response', (response) => {
      isAnswered = true;
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({ code: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    sent.end(body);
  });
}
