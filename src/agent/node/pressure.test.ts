import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { pressureOf, readLevels } from './pressure.ts';

const MIB = 1024 * 1024;
const calm = {
  memoryAvailableBytes: 1024 * MIB,
  diskFree: 0.5,
  inodesFree: 0.5,
  tasks: 500,
  tasksMax: 32_768,
};

test('each shortage is told apart, at the threshold', () => {
  const none = { memory: false, disk: false, pids: false };
  assert.deepEqual(pressureOf(calm), none);
  assert.deepEqual(pressureOf({}), none);
  assert.deepEqual(pressureOf({ ...calm, memoryAvailableBytes: 100 * MIB }), none);
  assert.deepEqual(pressureOf({ ...calm, memoryAvailableBytes: 99 * MIB }), { ...none, memory: true });
  assert.deepEqual(pressureOf({ ...calm, diskFree: 0.09 }), { ...none, disk: true });
  assert.deepEqual(pressureOf({ ...calm, inodesFree: 0.04 }), { ...none, disk: true });
  assert.deepEqual(pressureOf({ ...calm, tasks: 32_000 }), { ...none, pids: true });
});

test('the machine says all of its levels', async () => {
  const levels = await readLevels(tmpdir());
  assert(Number(levels.memoryAvailableBytes) > 0);
  assert(Number(levels.tasks) > 0 && Number(levels.tasks) < Number(levels.tasksMax));
  assert(Number(levels.diskFree) > 0 && Number(levels.diskFree) <= 1);
});
