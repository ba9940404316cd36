import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKindTable } from '../../api/kinds.ts';
import type { APIService } from '../../api/types.generated.ts';
import { AUTOMANAGED, lacksLocal, planService, servedHere } from './plan.ts';

const served = servedHere(createKindTable().all());

function made(name: string): APIService {
  const step = planService(name, undefined, served);
  assert.ok(step?.type === 'create');
  return step.object;
}

test('what is served here has an APIService, with upstream’s priorities', () => {
  const core = made('v1.');
  assert.deepEqual(core.spec, { version: 'v1', groupPriorityMinimum: 18_000, versionPriority: 1 });
  assert.deepEqual(core.metadata?.labels, { [AUTOMANAGED]: 'onstart' });
  const apps = made('v1.apps');
  assert.deepEqual(apps.spec, {
    group: 'apps',
    version: 'v1',
    groupPriorityMinimum: 17_800,
    versionPriority: 15,
  });
  assert.equal(planService('v1.apps', apps, served), undefined);
});

test('a custom group is managed, and goes with its CRD', () => {
  const custom = new Map([['v1.example.com', { group: 'example.com', version: 'v1' }]]);
  const step = planService('v1.example.com', undefined, custom);
  assert.ok(step?.type === 'create');
  assert.deepEqual(step.object.metadata?.labels, { [AUTOMANAGED]: 'true' });
  assert.equal(step.object.spec?.groupPriorityMinimum, 1000);
  assert.deepEqual(planService('v1.example.com', step.object, new Map()), { type: 'delete' });
});

test('one that somebody made is left alone, one of ours that was changed is put right', () => {
  const apps = made('v1.apps');
  const theirs = {
    ...apps,
    metadata: { name: 'v1.apps' },
    spec: { ...apps.spec, versionPriority: 7, groupPriorityMinimum: 7 },
  };
  assert.equal(planService('v1.apps', theirs, served), undefined);
  const changed = { ...theirs, metadata: apps.metadata ?? {} };
  const step = planService('v1.apps', changed, served);
  assert.ok(step?.type === 'update');
  assert.equal(step.object.spec?.versionPriority, 15);
  assert.equal(planService('v1.other', { ...theirs, metadata: { name: 'v1.other' } }, served), undefined);
});

test('a local one without its condition lacks it, a remote one never', () => {
  const apps = made('v1.apps');
  assert.equal(lacksLocal(apps), true);
  const conditions = [{ type: 'Available', status: 'True', reason: 'Local' }];
  assert.equal(lacksLocal({ ...apps, status: { conditions } }), false);
  const spec = { groupPriorityMinimum: 1, versionPriority: 1, service: { name: 'a', namespace: 'b' } };
  assert.equal(lacksLocal({ ...apps, spec }), false);
});
