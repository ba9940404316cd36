import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { request } from 'node:https';
import { after, before, test } from 'node:test';
import type { KeyPair } from '../access/authn/certificates.ts';
import { allPlugins } from '../access/testing/plugins.ts';
import { apiVersionOf, type Kind, type KindTable, type Verb } from '../api/kind.ts';
import { NODE_ACTIONS, type Route } from './routes/route.ts';
import { type Fixture, startFixture } from './testing/fixture.ts';

/** What anybody may ask; each line is a method and a path, and its caller. A new line here is a decision. */
const OPEN: ReadonlySet<string> = new Set(
  JSON.parse(
    readFileSync(new URL('../../test/golden/open-routes.json', import.meta.url), 'utf8'),
  ) as string[],
);

interface Call {
  readonly method: string;
  readonly path: string;
}

const METHODS: Readonly<Record<Verb, readonly string[]>> = {
  get: ['GET', 'HEAD'],
  list: ['GET', 'HEAD'],
  watch: ['GET'],
  create: ['POST'],
  update: ['PUT'],
  patch: ['PATCH'],
  delete: ['DELETE'],
  deletecollection: ['DELETE'],
};
const ON_COLLECTION: ReadonlySet<Verb> = new Set(['list', 'watch', 'create', 'deletecollection']);
/** Not in discovery, or taking any method. */
const ANY = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const CUSTOM = 'things.example.com';

/** Every type of route, so that a new one does not compile until it is called here. */
const ROUTES: Readonly<Record<Route['type'], (kinds: KindTable) => Call[]>> = {
  health: () =>
    ['healthz', 'livez', 'readyz'].flatMap((check) =>
      gets(`/${check}`, `/${check}?verbose`, `/${check}/ping`),
    ),
  version: () => gets('/version', '/version/'),
  'core-versions': () => gets('/api', '/api/'),
  groups: () => gets('/apis'),
  group: (kinds) =>
    gets(...new Set(kinds.all().flatMap(({ group }) => (group === '' ? [] : [`/apis/${group}`])))),
  resources: (kinds) => gets(...new Set(kinds.all().map(rootOf))),
  'openapi-index': () => gets('/openapi/v3'),
  openapi: () => gets('/openapi/v3/api/v1', '/openapi/v3/apis/apps/v1'),
  'openapi-v2': () => gets('/openapi/v2'),
  metrics: () => gets('/metrics'),
  'key-set': () => gets('/openid/v1/jwks'),
  issuer: () => gets('/.well-known/openid-configuration'),
  root: () => gets('/'),
  tunnel: () => gets('/apis/amphora.dev/v1/nodes/box/tunnel'),
  'node-action': () =>
    NODE_ACTIONS.flatMap((action) =>
      ['GET', 'POST'].map((method) => ({ method, path: `/apis/amphora.dev/v1/nodes/box/${action}` })),
    ),
  collection: (kinds) => kinds.all().flatMap(collectionCalls),
  object: (kinds) => kinds.all().flatMap(objectCalls),
};

function gets(...paths: string[]): Call[] {
  return paths.flatMap((path) => ['GET', 'HEAD'].map((method) => ({ method, path })));
}

function rootOf(kind: Kind): string {
  return kind.group === '' ? `/api/${kind.version}` : `/apis/${apiVersionOf(kind)}`;
}

function collectionCalls(kind: Kind): Call[] {
  const paths = [`${rootOf(kind)}/${kind.resource}`];
  if (kind.namespaced) paths.push(`${rootOf(kind)}/namespaces/default/${kind.resource}`);
  return kind.verbs
    .filter((verb) => ON_COLLECTION.has(verb))
    .flatMap((verb) =>
      METHODS[verb].flatMap((method) =>
        paths.map((path) => ({ method, path: verb === 'watch' ? `${path}?watch=1` : path })),
      ),
    );
}

function objectCalls(kind: Kind): Call[] {
  const inside = kind.namespaced ? 'namespaces/default/' : '';
  const object = `${rootOf(kind)}/${inside}${kind.resource}/x`;
  const own = kind.verbs
    .filter((verb) => !ON_COLLECTION.has(verb))
    .flatMap((verb) => METHODS[verb].map((method) => ({ method, path: object })));
  const below = kind.subresources.flatMap(({ name, verbs }) => {
    const methods = name === 'proxy' ? ANY : verbs.flatMap((verb) => METHODS[verb]);
    const paths = name === 'proxy' ? [`${object}/proxy`, `${object}/proxy/a/b`] : [`${object}/${name}`];
    return methods.flatMap((method) => paths.map((path) => ({ method, path })));
  });
  return [...own, ...below];
}

let fixture: Fixture;
let nobody: KeyPair;
before(async () => {
  fixture = await startFixture({ plugins: (live, access) => allPlugins(live, { access }) });
  nobody = await fixture.pki.issue({ user: 'nobody', groups: [] });
  addCustomKind(fixture.registry.kinds);
});
after(() => fixture[Symbol.asyncDispose]());

function addCustomKind(kinds: KindTable): void {
  const config = kinds.byKind('v1', 'ConfigMap');
  assert.ok(config);
  const [resource = '', ...group] = CUSTOM.split('.');
  kinds.add({ ...config, group: group.join('.'), resource, kind: 'Thing', listKind: 'ThingList' });
}

function ask(session: ClientHttp2Session, { method, path }: Call): Promise<number> {
  return new Promise((resolve, reject) => {
    const hasBody = method === 'POST' || method === 'PUT' || method === 'PATCH';
    const stream = session.request({
      ':method': method,
      ':path': path,
      ...(hasBody
        ? { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }
        : {}),
    });
    stream.on('response', (headers) => {
      resolve(Number(headers[':status']));
      stream.close();
    });
    stream.on('error', reject);
    stream.end(hasBody ? '{}' : undefined);
  });
}

const CALLERS = [
  { name: 'anonymous', refused: [401, 403], certificate: () => undefined },
  { name: 'nobody', refused: [403], certificate: () => nobody },
] as const;

for (const { name, refused, certificate } of CALLERS) {
  test(`no route answers ${name} but those that are listed`, async () => {
    const pair = certificate();
    const session = connect(`https://127.0.0.1:${fixture.port}`, {
      ca: fixture.pki.caCertificate,
      ...(pair === undefined ? {} : { cert: pair.certificate, key: pair.key }),
    });
    const calls = Object.values(ROUTES).flatMap((make) => make(fixture.registry.kinds));
    const statuses = new Map<string, number>();
    try {
      for (const call of calls) {
        const line = `${name} ${call.method} ${call.path}`;
        if (!statuses.has(line)) statuses.set(line, await ask(session, call));
      }
    } finally {
      session.close();
    }
    const answered = [...statuses].filter(([, status]) => !refused.some((one) => one === status));
    const unexpected = answered.filter(([line]) => !OPEN.has(line) && !OPEN.has(withoutNames(line)));
    assert.deepEqual(unexpected, []);
    const lines = new Set(answered.flatMap(([line]) => [line, withoutNames(line)]));
    const stale = [...OPEN].filter((line) => line.startsWith(`${name} `) && !lines.has(line));
    assert.deepEqual(stale, [], 'listed as open, and not');
    assert.ok(statuses.size > 1000, `only ${statuses.size} routes were called`);
  });

  test(`no stream or tunnel opens for ${name}`, async () => {
    const pod = '/api/v1/namespaces/default/pods/x';
    const paths = [
      ...['exec?command=id', 'attach', 'portforward?ports=80', 'proxy/', 'log?follow=1'].map(
        (sub) => `${pod}/${sub}`,
      ),
      '/api/v1/namespaces/default/services/x/proxy/',
      '/api/v1/nodes/box/proxy/',
      '/apis/amphora.dev/v1/nodes/box/tunnel',
      ...NODE_ACTIONS.map((action) => `/apis/amphora.dev/v1/nodes/box/${action}`),
    ];
    for (const path of paths)
      for (const protocol of ['websocket', 'SPDY/3.1', 'amphora-tunnel'])
        for (const method of ['GET', 'POST']) {
          const status = await upgrade({ method, path }, protocol, certificate());
          assert.ok(
            refused.some((one) => one === status),
            `${method} ${path} as ${protocol}: ${status}`,
          );
        }
  });
}

/** Discovery is as open for one group as for another. */
function withoutNames(line: string): string {
  return line.replace(/\/apis\/[^/]+(\/[^/]+)?$/, (_, version) =>
    version === undefined ? '/apis/*' : '/apis/*/*',
  );
}

function upgrade({ method, path }: Call, protocol: string, pair: KeyPair | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: fixture.port,
      ca: fixture.pki.caCertificate,
      ...(pair === undefined ? {} : { cert: pair.certificate, key: pair.key }),
      agent: false,
      method,
      path,
      headers: {
        connection: 'Upgrade',
        upgrade: protocol,
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        'sec-websocket-version': '13',
        'sec-websocket-protocol': 'v5.channel.k8s.io',
      },
    });
    outgoing.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.statusCode ?? 0);
    });
    outgoing.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
