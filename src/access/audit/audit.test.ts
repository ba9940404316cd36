import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LIMITS } from '../../lib/limits.ts';
import { silentLogger } from '../../lib/log.ts';
import { asked } from '../testing/asked.ts';
import type { User } from '../user.ts';
import { openFileSink } from './file-sink.ts';
import { readAuditPolicy } from './policy.ts';
import { queuedSink } from './sink.ts';

const JANE: User = { name: 'jane', uid: '', groups: ['devs'], extra: {} };

function policyOf(...rules: object[]) {
  return readAuditPolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules });
}

const RULES: ReadonlyArray<[object, readonly string[], readonly string[]]> = [
  [{ users: ['jane'] }, ['get pods a/x', 'get /healthz'], []],
  [{ users: ['bob'] }, [], ['get pods a/x']],
  [{ userGroups: ['ops', 'devs'] }, ['get pods a/x'], []],
  [{ verbs: ['get', 'list'] }, ['get pods a/x', 'get /x'], ['create pods a/']],
  [{ namespaces: ['a'] }, ['get pods a/x'], ['get pods b/x', 'get nodes /x', 'get /x']],
  [{ namespaces: [''] }, ['get nodes /x'], ['get pods a/x']],
  [
    { resources: [{ group: '' }] },
    ['get pods a/x', 'get pods/log a/x'],
    ['get deployments.apps a/x', 'get /x'],
  ],
  [
    { resources: [{ group: '', resources: ['pods'] }] },
    ['get pods a/x'],
    ['get pods/log a/x', 'get nodes /x'],
  ],
  [{ resources: [{ group: '', resources: ['pods/*'] }] }, ['get pods/log a/x'], ['get pods a/x']],
  [
    { resources: [{ group: 'apps', resources: ['*/scale'] }] },
    ['get deployments.apps/scale a/x'],
    ['get pods/scale a/x'],
  ],
  [
    { resources: [{ group: '', resources: ['pods'], resourceNames: ['x'] }] },
    ['get pods a/x'],
    ['get pods a/y'],
  ],
  [
    { nonResourceURLs: ['/logs*', '/version'] },
    ['get /logs/a', 'get /version'],
    ['get /versions', 'get pods a/x'],
  ],
];
for (const [rule, matching, others] of RULES) {
  test(`audit rule ${JSON.stringify(rule)}`, () => {
    const policy = policyOf({ level: 'Metadata', ...rule });
    for (const text of matching) assert.equal(policy.decide(JANE, asked(text)).level, 'Metadata', text);
    for (const text of others) assert.equal(policy.decide(JANE, asked(text)).level, 'None', text);
  });
}

test('the first rule decides; credentials need a rule of their own', () => {
  const all = { level: 'RequestResponse' };
  const secrets = { level: 'Request', resources: [{ group: '', resources: ['secrets'] }] };
  const levels = (policy: ReturnType<typeof policyOf>, ...texts: string[]) =>
    texts.map((text) => policy.decide(JANE, asked(text)).level);
  const asks = [
    'get secrets a/x',
    'create serviceaccounts/token a/x',
    'create tokenreviews.authentication.k8s.io',
    'get pods a/x',
  ];
  assert.deepEqual(levels(policyOf(all), ...asks), ['Metadata', 'Metadata', 'Metadata', 'RequestResponse']);
  assert.deepEqual(
    levels(policyOf({ level: 'Request', resources: [{ group: '', resources: ['*'] }] }), 'get secrets a/x'),
    ['Metadata'],
  );
  assert.deepEqual(levels(policyOf(secrets, all), 'get secrets a/x'), ['Request']);
  assert.deepEqual(levels(policyOf({ level: 'None', verbs: ['get'] }, all), 'get pods a/x', 'list pods a/'), [
    'None',
    'RequestResponse',
  ]);
});

test('a policy that is wrong says where', () => {
  const table: ReadonlyArray<[unknown, RegExp]> = [
    [{}, /Policy of audit/],
    [{ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [] }, /rules/],
    [{ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Loud' }] }, /rules\[0\]\.level/],
    [
      { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'None', who: [] }] },
      /rules\[0\]\.who/,
    ],
    [
      { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'None', omitStages: ['Lunch'] }] },
      /omitStages/,
    ],
    [
      {
        apiVersion: 'audit.k8s.io/v1',
        kind: 'Policy',
        rules: [{ level: 'None', nonResourceURLs: ['/a*b'] }],
      },
      /nonResourceURLs\[0\]/,
    ],
  ];
  for (const [value, at] of table) assert.throws(() => readAuditPolicy(value), at);
});

test("the log is its owner's, goes on in new files, and keeps so many", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'amphora-audit-'));
  try {
    const path = join(directory, 'audit.log');
    for (let round = 0; round < 5; round++) {
      const sink = await openFileSink({ path, log: silentLogger(), fileBytes: 10, files: 2 });
      sink.put({ round, text: 'x'.repeat(20) });
      await sink.close();
    }
    assert.deepEqual((await readdir(directory)).sort(), ['audit.log', 'audit.log.1', 'audit.log.2']);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const newest = JSON.parse(await readFile(`${path}.1`, 'utf8')) as { round: number };
    assert.equal(newest.round, 4);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('a sink that hangs holds nobody up: what is too much is dropped', async () => {
  const gate = Promise.withResolvers<void>();
  const written: number[] = [];
  const sink = queuedSink({
    log: silentLogger(),
    batch: 100,
    write: async (lines) => {
      await gate.promise;
      written.push(lines.length);
    },
  });
  for (let count = 0; count < LIMITS.auditQueueEvents + 500; count++) sink.put({ count });
  gate.resolve();
  await sink.close();
  assert.equal(
    written.reduce((sum, count) => sum + count, 0),
    LIMITS.auditQueueEvents,
  );
});
