import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plan } from './plan.ts';
import { type ContainerRecord, newRecord, type PodRecord } from './pod/record.ts';
import type { PodState } from './pod/state.ts';
import { podOf } from './testing/world.ts';

const NOW = 1_000_000;
const pod = podOf('p', {});

function record(containers: Record<string, ContainerRecord> = {}, made = true): PodRecord {
  const fresh = newRecord(
    { uid: 'u', namespace: 'default', name: 'p' },
    { engine: 'fake', runtimeClass: 'container', now: NOW },
  );
  return { ...fresh, containers, sandbox: { attempt: 0, phase: made ? 'made' : 'none' } };
}

function container(change: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    attempt: 0,
    sandboxAttempt: 0,
    phase: 'running',
    startedAt: NOW,
    crashes: 0,
    postStarted: true,
    started: true,
    reportedAttempt: 0,
    ...change,
  };
}

function state(change: Partial<PodState>): PodState {
  return {
    record: record(),
    sandbox: 'ready',
    prepared: { images: new Set(['c']), volumes: true, network: true },
    probes: new Map(),
    failures: new Map(),
    inFlight: new Set(),
    volumesLeft: true,
    ...change,
  };
}

const exit = {
  attempt: 0,
  exitCode: 1,
  reason: 'Error',
  message: '',
  startedAt: NOW - 10,
  finishedAt: NOW - 1000,
};
const nothing = { images: new Set<string>(), volumes: false, network: false };
const deleting = {
  ...pod,
  metadata: {
    ...pod.metadata,
    deletionTimestamp: new Date(NOW + 5000).toISOString(),
    deletionGracePeriodSeconds: 30,
  },
};
const kinds = (given: Parameters<typeof plan>) => plan(...given).steps.map((step) => step.kind);

test('what is needed for a sandbox is prepared at once', () => {
  const fresh = state({ record: record({}, false), sandbox: 'none', prepared: nothing });
  assert.deepEqual(kinds([pod, fresh, NOW]), ['prepare-image', 'prepare-volumes', 'attach-network']);
});

test('each situation has its steps', () => {
  const table: Array<[string, Parameters<typeof plan>, string[]]> = [
    ['all prepared', [pod, state({ record: record({}, false), sandbox: 'none' }), NOW], ['create-sandbox']],
    ['sandbox ready', [pod, state({}), NOW], ['start-container']],
    ['running', [pod, state({ record: record({ c: container() }) }), NOW], []],
    [
      'volumes due',
      [pod, state({ record: record({ c: container() }), prepared: { ...nothing, network: true } }), NOW],
      ['prepare-volumes'],
    ],
    ['under way', [pod, state({ inFlight: new Set(['start-container/c']) }), NOW], []],
    [
      'first crash',
      [
        pod,
        state({ record: record({ c: container({ phase: 'exited', termination: exit, crashes: 1 }) }) }),
        NOW,
      ],
      ['start-container'],
    ],
    [
      'second crash',
      [
        pod,
        state({ record: record({ c: container({ phase: 'exited', termination: exit, crashes: 2 }) }) }),
        NOW,
      ],
      [],
    ],
    [
      'sandbox lost',
      [pod, state({ sandbox: 'lost', record: record({ c: container() }) }), NOW],
      ['remove-sandbox'],
    ],
    [
      'liveness failed',
      [
        pod,
        state({
          record: record({ c: container() }),
          probes: new Map([['c', { startup: 'none', liveness: 'failed', ready: false }]]),
        }),
        NOW,
      ],
      ['stop-container'],
    ],
    [
      'hook pending',
      [pod, state({ record: record({ c: container({ postStarted: false }) }) }), NOW],
      ['run-post-start'],
    ],
    ['deleting, running', [deleting, state({ record: record({ c: container() }) }), NOW], ['stop-container']],
    ['deleting, still making', [deleting, state({ inFlight: new Set(['create-sandbox']) }), NOW], []],
    [
      'deleting, stopped',
      [deleting, state({ record: record({ c: container({ phase: 'exited', termination: exit }) }) }), NOW],
      ['remove-sandbox'],
    ],
    [
      'deleting, volumes left',
      [deleting, state({ record: record({}, false), sandbox: 'none' }), NOW],
      ['teardown-volumes'],
    ],
    [
      'deleting, nothing left',
      [deleting, state({ record: record({}, false), sandbox: 'none', volumesLeft: false }), NOW],
      ['delete-pod'],
    ],
    ['orphan, running', [undefined, state({ record: record({ c: container() }) }), NOW], ['stop-all']],
    [
      'orphan, nothing left',
      [undefined, state({ record: record({}, false), sandbox: 'none', volumesLeft: false }), NOW],
      ['forget'],
    ],
  ];
  for (const [name, given, expected] of table) assert.deepEqual(kinds(given), expected, name);
});

test('a back-off says when it is over, and a deletion gives what is left of its grace', () => {
  const crashed = state({
    record: record({ c: container({ phase: 'exited', termination: exit, crashes: 2 }) }),
  });
  assert.equal(plan(pod, crashed, NOW).wakeAt, exit.finishedAt + 10_000);
  const [step] = plan(deleting, state({ record: record({ c: container() }) }), NOW).steps;
  assert.deepEqual(step, {
    kind: 'stop-container',
    container: 'c',
    graceMs: 5000,
    message: 'Stopping container c',
  });
});

test('a sidecar starts before the containers and stops after them', () => {
  const spec = { initContainers: [{ name: 's', image: 'app:1', restartPolicy: 'Always' }] };
  const withSidecar = podOf('p', spec);
  assert.deepEqual(plan(withSidecar, state({}), NOW).steps, [
    { kind: 'start-container', container: 's', attempt: 0 },
  ]);
  const up = state({ record: record({ s: container() }) });
  assert.deepEqual(plan(withSidecar, up, NOW).steps, [
    { kind: 'start-container', container: 'c', attempt: 0 },
  ]);
  const ending = { ...withSidecar, metadata: deleting.metadata };
  const names = (given: PodState) =>
    plan(ending, given, NOW).steps.map((step) => ('container' in step ? step.container : step.kind));
  assert.deepEqual(names(state({ record: record({ s: container(), c: container() }) })), ['c']);
  assert.deepEqual(
    names(
      state({ record: record({ s: container(), c: container({ phase: 'exited', termination: exit }) }) }),
    ),
    ['s'],
  );
});
