import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterRole, PolicyRule } from '../../api/types.generated.ts';
import { planAggregation } from './plan.ts';

const rule = (resource: string): PolicyRule => ({ verbs: ['get'], apiGroups: [''], resources: [resource] });
const part = (name: string, label: string, ...rules: PolicyRule[]): ClusterRole => ({
  metadata: { name, labels: { to: label } },
  rules,
});
const whole = (label: string, rules: PolicyRule[] = []): ClusterRole => ({
  metadata: { name: 'whole', labels: { to: label } },
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: label } }] },
  rules,
});

test('rules are gathered by label, each once, in the order of names, never from itself', () => {
  const parts = [
    part('b', 'x', rule('pods')),
    part('a', 'x', rule('nodes'), rule('pods')),
    part('c', 'y', rule('jobs')),
  ];
  const role = whole('x', [rule('secrets')]);
  assert.deepEqual(planAggregation(role, [role, ...parts]), [rule('nodes'), rule('pods')]);
});

test('nothing to do when the rules are there, and for a role that gathers nothing', () => {
  const parts = [part('a', 'x', rule('nodes'))];
  assert.equal(planAggregation(whole('x', [rule('nodes')]), parts), undefined);
  assert.equal(planAggregation(part('a', 'x', rule('nodes')), parts), undefined);
  assert.deepEqual(planAggregation(whole('z', [rule('nodes')]), parts), []);
});
