import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowSchema } from '../../api/types.generated.ts';
import { planDangling } from './plan.ts';

const now = '2026-01-01T00:00:00Z';
const schema: FlowSchema = {
  metadata: { name: 'x' },
  spec: { priorityLevelConfiguration: { name: 'low' } },
};

test('a schema whose level is missing dangles until it comes', () => {
  const [lost] = planDangling(schema, { hasLevel: false, now }) ?? [];
  assert.deepEqual([lost?.type, lost?.status, lost?.reason], ['Dangling', 'True', 'NotFound']);
  assert.match(lost?.message ?? '', /named "low" but there is no such object$/);
  const asWritten = { ...schema, status: { conditions: lost === undefined ? [] : [lost] } };
  assert.equal(planDangling(asWritten, { hasLevel: false, now }), undefined);
  const [found] = planDangling(asWritten, { hasLevel: true, now: '2026-01-02T00:00:00Z' }) ?? [];
  assert.deepEqual(
    [found?.status, found?.reason, found?.lastTransitionTime],
    ['False', 'Found', '2026-01-02T00:00:00Z'],
  );
});
