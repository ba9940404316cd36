import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  compareVersions,
  servedGroups,
} from './discovery.ts';
import { createKindTable } from './kinds.ts';

const table = createKindTable();

test('versions are ordered by stability and then by number', () => {
  const versions = ['foo', 'v1alpha1', 'v1', 'v10', 'v2beta1', 'v1beta2', 'v2', 'bar'];
  assert.deepEqual(versions.sort(compareVersions), [
    'v10',
    'v2',
    'v1',
    'v2beta1',
    'v1beta2',
    'v1alpha1',
    'bar',
    'foo',
  ]);
});

test('core comes first, and the preferred version of a group too', () => {
  const groups = servedGroups(table);
  assert.equal(groups[0]?.group, '');
  assert.deepEqual(groups.find(({ group }) => group === 'autoscaling')?.versions, ['v2', 'v1']);
  const names = groups.map(({ group }) => group);
  assert.ok(names.indexOf('apps') < names.indexOf('batch'));
});

test('the aggregated and the legacy documents name the same resources', () => {
  const aggregated: Record<string, unknown>[] = [];
  for (const root of ['api', 'apis'] as const) {
    const { items } = JSON.parse(JSON.stringify(aggregatedDiscovery(table, root)));
    aggregated.push(...items);
  }
  const flat = JSON.parse(JSON.stringify(aggregated)).flatMap(
    (group: {
      metadata: { name?: string };
      versions: {
        version: string;
        resources: { resource: string; subresources?: { subresource: string }[] }[];
      }[];
    }) =>
      group.versions.flatMap(({ version, resources }) =>
        resources.flatMap(({ resource, subresources = [] }) =>
          [resource, ...subresources.map((sub) => `${resource}/${sub.subresource}`)].map(
            (name) => `${group.metadata.name ?? ''}/${version}/${name}`,
          ),
        ),
      ),
  );
  const legacy = servedGroups(table).flatMap(({ group, versions }) =>
    versions.flatMap((version) =>
      JSON.parse(JSON.stringify(apiResourceList(table, group, version))).resources.map(
        ({ name }: { name: string }) => `${group}/${version}/${name}`,
      ),
    ),
  );
  assert.deepEqual(flat, legacy);
  assert.ok(flat.includes('/v1/pods/exec') && flat.includes('apps/v1/deployments/scale'));
});

test('what is not served is undefined', () => {
  assert.equal(apiResourceList(table, 'nope', 'v1'), undefined);
  assert.equal(apiGroup(table, 'nope'), undefined);
  assert.equal(apiGroup(table, ''), undefined);
});

test('the legacy roots', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(apiVersions(table, '127.0.0.1:1'))).versions, ['v1']);
  const { groups } = JSON.parse(JSON.stringify(apiGroupList(table)));
  assert.ok(
    groups.every(
      (group: { name: string; preferredVersion: unknown }) => group.name !== '' && group.preferredVersion,
    ),
  );
});
