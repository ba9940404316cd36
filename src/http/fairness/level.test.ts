import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmphoraError } from '../../lib/errors.ts';
import { handOf, Level, type LevelSettings, type Release } from './level.ts';

const ALONE = { mayBorrow: () => false, onFree: () => {} };
const { signal } = new AbortController();

function level(settings: Partial<LevelSettings> = {}): Level {
  const queuing = { queues: 64, handSize: 6, queueLengthLimit: 50 };
  return new Level(
    { name: 'x', uid: '', isExempt: false, seats: 4, lendable: 0, borrowable: 0, queuing, ...settings },
    ALONE,
  );
}

/** Has requests enter, and notes in which order they are served. */
function crowd(of: Level) {
  const held: { who: string; release: Release }[] = [];
  const refused: unknown[] = [];
  const served: string[] = [];
  return {
    held,
    refused,
    served,
    enter: (who: string) => {
      const note = (release: Release) => {
        held.push({ who, release });
        served.push(who);
      };
      try {
        const seat = of.enter(who, 1, signal);
        if (seat instanceof Promise) seat.then(note, (error) => refused.push(error));
        else note(seat);
      } catch (error) {
        refused.push(error);
      }
    },
    /** Ends the oldest request that is being served. */
    end: async () => {
      const first = held.shift();
      first?.release();
      first?.release();
      await new Promise((resolve) => setImmediate(resolve));
      return first?.who;
    },
  };
}

test('with a seat free a request goes straight through', () => {
  const one = level();
  const release = one.enter('a', 1, signal);
  assert.ok(!(release instanceof Promise));
  assert.equal(one.inUse, 1);
  release();
  release();
  assert.equal(one.inUse, 0);
});

test('one that floods does not keep another waiting behind all it has sent', async () => {
  const one = level();
  const all = crowd(one);
  for (let count = 0; count < 200; count++) all.enter('flood');
  assert.equal(one.inUse, 4);
  assert.equal(one.waiting, 196);
  const turns: number[] = [];
  for (let round = 0; round < 10; round++) {
    all.enter('quiet');
    const before = all.served.length;
    let ended = 0;
    while (!all.served.slice(before).includes('quiet')) {
      // The flood goes on: for each that was served another comes.
      if ((await all.end()) === 'flood') all.enter('flood');
      ended += 1;
      assert.ok(ended < 50, 'the quiet one is never served');
    }
    turns.push(ended);
  }
  // A hand of six queues takes six turns at the most before the seventh queue has its own.
  assert.ok(Math.max(...turns) <= 4 + 7, `turns it had to wait: ${turns}`);
});

test('queues are bounded: what finds no room is refused at once, and no other flow with it', () => {
  const one = level();
  const all = crowd(one);
  for (let count = 0; count < 400; count++) all.enter('flood');
  assert.equal(one.waiting, 6 * 50);
  assert.equal(all.refused.length, 400 - 4 - 300);
  const [first] = all.refused;
  assert.ok(
    first instanceof AmphoraError && first.code === 'TooManyRequests' && first.retryAfterSeconds === 1,
  );
  all.enter('quiet');
  assert.equal(one.waiting, 301);
});

test('a level without queues refuses', () => {
  const { queuing: _, ...settings } = level().settings;
  const one = new Level({ ...settings, seats: 1 }, ALONE);
  assert.ok(!(one.enter('a', 1, signal) instanceof Promise));
  assert.throws(() => one.enter('a', 1, signal), /too many requests/);
});

test('who goes away leaves its place', async () => {
  const one = level({ seats: 1 });
  const release = one.enter('a', 1, signal);
  const stop = new AbortController();
  const gone = one.enter('b', 1, stop.signal);
  const next = one.enter('b', 1, signal);
  stop.abort(new AmphoraError('Canceled', 'gone'));
  await assert.rejects(Promise.resolve(gone), /gone/);
  assert.equal(one.waiting, 1);
  assert.ok(!(release instanceof Promise));
  release();
  (await next)();
  assert.deepEqual([one.waiting, one.inUse], [0, 0]);
});

test('a wide request takes its seats, and is served even where the level is narrower', async () => {
  const one = level({ seats: 4 });
  const wide = one.enter('a', 10, signal);
  assert.ok(!(wide instanceof Promise));
  const small = one.enter('b', 1, signal);
  assert.ok(small instanceof Promise);
  wide();
  (await small)();
  assert.equal(one.inUse, 0);
});

test('a hand has as many different queues as it should, always the same', () => {
  const hands = Array.from({ length: 200 }, (_, index) => handOf(`flow-${index}`, 64, 6));
  for (const hand of hands) {
    assert.equal(new Set(hand).size, 6);
    assert.ok(hand.every((one) => one >= 0 && one < 64));
  }
  assert.deepEqual(handOf('flow-1', 64, 6), hands[1]);
  const used = new Set(hands.flat());
  assert.equal(used.size, 64, 'every queue is dealt to somebody');
  const sorted = new Set(hands.map((hand) => [...hand].sort((a, b) => a - b).join()));
  assert.equal(sorted.size, 200, 'no two flows share a whole hand');
});
