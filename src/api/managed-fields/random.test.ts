import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCode } from '../../lib/errors.ts';
import { equalJson, isJsonObject } from '../json.ts';
import type { Schema } from '../schema.ts';
import { isEmpty, without } from './field-set.ts';
import { everything } from './fields-of.ts';
import { Cluster, EVERYTHING, textsOf } from './testing/cluster.ts';
import { formOf, steps } from './walk.ts';

const RUNS = 400;
const WRITES = 12;

/** Numbers from a seed (mulberry32), so that what a run found can be run again. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Pick = (below: number) => number;

interface Making {
  readonly pick: Pick;
  /** An updater may leave items that share a name. */
  readonly repeats: boolean;
}

function madeOf(schema: Schema, making: Making, depth = 0): unknown {
  const { pick } = making;
  switch (schema.type) {
    case 'object': {
      const keys = Object.keys(schema.fields).filter(() => pick(depth === 0 ? 3 : 2) === 0);
      const fields = keys.map((key) => [key, madeOf(fieldOf(schema, key), making, depth + 1)] as const);
      const unknown = schema.preserveUnknown ? ([['u', freeValue(pick, 2)]] as const) : [];
      return Object.fromEntries([...fields, ...unknown]);
    }
    case 'map':
      return Object.fromEntries(
        ['a', 'b', '__proto__']
          .filter(() => pick(2) === 0)
          .map((key) => [key, madeOf(schema.values, making, depth + 1)]),
      );
    case 'array': {
      const items = Array.from({ length: pick(4) }, () => keyed(schema.items, making, depth));
      return making.repeats ? items : unique(schema, items);
    }
    case 'integer':
      return pick(3);
    case 'boolean':
      return pick(2) === 0;
    default:
      return ['x', 'y', 'z'][pick(3)];
  }
}

function fieldOf(schema: Extract<Schema, { type: 'object' }>, key: string): Schema {
  return schema.fields[key]?.schema ?? { type: 'any' };
}

function keyed(schema: Schema, making: Making, depth: number): unknown {
  const item = madeOf(schema, making, depth + 1);
  if (schema.type !== 'object' || !isJsonObject(item)) return item;
  return 'port' in schema.fields
    ? { ...item, port: making.pick(2) }
    : { ...item, name: 'abc'[making.pick(3)] };
}

function unique(schema: Schema, items: readonly unknown[]): unknown[] {
  if (formOf(schema, items) !== 'items') return [...items];
  return steps(schema, undefined, items).map((step) =>
    Array.isArray(step.right) && step.repeated ? step.right[0] : step.right,
  );
}

function freeValue(pick: Pick, depth: number): unknown {
  if (depth === 0 || pick(3) === 0) return pick(2) === 0 ? pick(3) : [pick(2)];
  return Object.fromEntries(
    ['k', 'l'].filter(() => pick(2) === 0).map((key) => [key, freeValue(pick, depth - 1)]),
  );
}

/** Whether all a configuration says is so in the object. */
function holds(schema: Schema, config: unknown, object: unknown): boolean {
  const form = formOf(schema, config);
  if (form === 'whole') return equalJson(config, object);
  return steps(schema, object, config)
    .filter((step) => step.right !== undefined && !step.repeated)
    .every((step) => holds(step.schema, step.right, step.left));
}

function ownedButNotThere(cluster: Cluster): string[] {
  const there = everything(EVERYTHING, cluster.object);
  return cluster.entries.flatMap((entry) =>
    textsOf(without(entry.fieldsV1, there)).map((path) => `${entry.manager} ${path}`),
  );
}

test('whatever is written, owners own what is there, and what is applied is so', () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const pick = numbers(seed);
    const cluster = new Cluster();
    for (let write = 0; write < WRITES; write++) {
      const manager = `m${pick(3)}`;
      const isUpdate = pick(3) === 0;
      const value = madeOf(EVERYTHING, { pick, repeats: isUpdate }) as object;
      const about = `seed ${seed}, write ${write}: ${JSON.stringify(value)} on ${JSON.stringify(cluster.object)}`;
      if (isUpdate) cluster.update(manager, value);
      else {
        try {
          new Cluster(EVERYTHING).apply(manager, value);
          cluster.apply(manager, value, { force: pick(2) === 0 });
        } catch (error) {
          assert.ok(isCode(error, 'Conflict'), `${about}: ${String(error)}`);
          continue;
        }
        assert.ok(
          holds(EVERYTHING, value, cluster.object),
          `${about} gives ${JSON.stringify(cluster.object)}`,
        );
        // A list that lost its last item is there as an empty one only when it is applied again.
        const { object, entries } = cluster.apply(manager, value);
        cluster.apply(manager, value);
        assert.deepEqual([cluster.object, cluster.entries], [object, entries], about);
      }
      assert.deepEqual(ownedButNotThere(cluster), [], about);
      assert.ok(
        cluster.entries.every((entry) => !isEmpty(entry.fieldsV1)),
        about,
      );
    }
  }
});

test('who gives up everything leaves what others own, and nothing of its own', () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const pick = numbers(seed * 7919);
    const first = madeOf(EVERYTHING, { pick, repeats: false }) as object;
    const second = madeOf(EVERYTHING, { pick, repeats: false }) as object;
    const cluster = new Cluster().apply('a', first).apply('b', second, { force: true }).apply('a', {});
    const about = `seed ${seed}: ${JSON.stringify(first)} and ${JSON.stringify(second)}`;
    assert.ok(holds(EVERYTHING, second, cluster.object), `${about} gives ${JSON.stringify(cluster.object)}`);
    assert.equal('a' in cluster.owners(), false, about);
    cluster.apply('b', {});
    assert.deepEqual(cluster.entries, [], about);
  }
});
