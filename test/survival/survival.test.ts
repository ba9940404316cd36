/**
 * Kills the platform's processes at random moments of a pod's life and looks at the state of the world
 * afterwards. The seed is printed; `AMPHORA_SURVIVAL_SEED` gives the same points again, and
 * `AMPHORA_SURVIVAL_POINTS` says how many there are for each class; unless given, as many as make 21 in all.
 */
import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Node } from '../../src/api/types.generated.ts';
import { createConnection } from '../../src/main/connection.ts';
import { prepareGuest } from '../../src/main/guest.ts';
import { readInstanceConfig } from '../../src/main/instance.ts';
import { importSampleImage } from '../../src/main/sample-image.ts';
import { Life, type Story, writeUntil } from './life.ts';
import { Platform, type Role, until } from './platform.ts';
import { Random } from './random.ts';
import { leftoversOf, leftoversOfAll, type Process, processesOf } from './world.ts';

const SEED = Number(process.env.AMPHORA_SURVIVAL_SEED ?? Math.floor(Math.random() * 2 ** 31));
const POINTS = process.env.AMPHORA_SURVIVAL_POINTS;
const POINTS_IN_ALL = 21;
const CLASSES = ['container', 'gvisor', 'microvm'];
const SIGNAL = new AbortController().signal;
/** How long the platform stays dead before it is started again. */
const DEAD_MS = 150;

type Stage = 'creating' | 'starting' | 'running' | 'ending' | 'restarting' | 'deleting';
const STAGES: readonly Stage[] = ['creating', 'starting', 'running', 'ending', 'restarting', 'deleting'];
const STORIES: Record<Stage, Story> = {
  creating: 'stays',
  starting: 'stays',
  running: 'stays',
  ending: 'ends',
  restarting: 'crashes',
  deleting: 'stays',
};
/** Milliseconds over which the kills of a stage are spread, by class: as long as the stage lasts there. */
const SPREAD: Record<string, Record<Stage, number>> = {
  container: { creating: 400, starting: 150, running: 500, ending: 900, restarting: 1100, deleting: 600 },
  gvisor: { creating: 900, starting: 400, running: 500, ending: 1300, restarting: 2000, deleting: 1500 },
  microvm: { creating: 4000, starting: 1500, running: 500, ending: 1500, restarting: 2000, deleting: 1500 },
};

interface Point {
  readonly index: number;
  readonly stage: Stage;
  readonly victims: readonly Role[];
  readonly waitMs: number;
}

const lacks = await whyNot();
describe('survival', { skip: lacks }, () => {
  let platform: Platform;
  let image: string;
  let points = 0;

  before(async () => {
    platform = await Platform.make(`sv${process.pid}`);
    await prepareGuest(platform.layout, SIGNAL);
    await platform.up();
    image = await importSampleImage(
      platform.layout,
      () => createConnection(platform.layout.kubeconfig),
      SIGNAL,
    );
    const reasons = await Promise.all(CLASSES.map((name) => whyUnavailable(platform, name)));
    const available = reasons.filter((reason) => reason === undefined).length;
    points = Number(POINTS ?? Math.ceil(POINTS_IN_ALL / Math.max(available, 1)));
    console.log(`survival: seed ${SEED}, ${points} points for each class`);
  });
  after(() => platform?.purge());

  for (const [number, runtimeClass] of CLASSES.entries()) {
    test(`${runtimeClass} pods outlive a kill`, async (context) => {
      const reason = await whyUnavailable(platform, runtimeClass);
      if (reason !== undefined) return context.skip(reason);
      for (const point of pointsOf(runtimeClass, { random: new Random(SEED + number), points })) {
        const title = `${point.index}: ${point.victims.join(' and ')} killed while ${point.stage}, after ${point.waitMs} ms`;
        await context.test(title, () => survive({ platform, image, runtimeClass }, point));
      }
      await until('nothing to be left of any pod', async () => {
        const left = await leftoversOfAll(platform.layout);
        return left.length === 0 ? true : Promise.reject(new Error(left.join('\n')));
      });
    });
  }
});

/** Every stage and every choice of victims comes up; when within the stage is left to chance. */
function pointsOf(
  runtimeClass: string,
  { random, points }: { readonly random: Random; readonly points: number },
): Point[] {
  const victims = [['node'], ['node', 'server'], ['node'], ['server'], ['node']] as const;
  return Array.from({ length: points }, (_, index) => {
    const stage = STAGES[index % STAGES.length] ?? 'running';
    const waitMs = random.below(SPREAD[runtimeClass]?.[stage] ?? 500);
    return { index, stage, waitMs, victims: victims[random.below(victims.length)] ?? ['node'] };
  });
}

interface Setting {
  readonly platform: Platform;
  readonly image: string;
  readonly runtimeClass: string;
}

async function survive({ platform, image, runtimeClass }: Setting, point: Point): Promise<void> {
  const name = `${runtimeClass}-${point.index}`;
  const life = await Life.begin(platform, { name, story: STORIES[point.stage], runtimeClass, image });
  try {
    await liveThrough(platform, life, point);
  } finally {
    await life.delete().catch(() => {}); // Gone already, unless something above failed.
  }
}

async function liveThrough(platform: Platform, life: Life, point: Point): Promise<void> {
  const { name } = life;
  await reach(platform, life, point.stage);
  let killed = false;
  const writing = writeUntil(platform, name, () => killed);
  await delay(point.waitMs);
  const deletion = point.stage === 'deleting' ? await life.gone() : false;
  await platform.kill(point.victims);
  killed = true;
  const begun = await processesOf(life.uid);
  await delay(DEAD_MS);
  if (point.stage === 'running') await sameProcesses(life, begun);
  await platform.up();
  if (point.stage === 'running') await sameProcesses(life, begun);
  await checkWrites(platform, await writing);
  if (!deletion) await checkLife(life, point.stage);
  await until(`nothing to be left of ${name}`, async () => {
    const left = await leftoversOf(platform.layout, life.uid);
    return left.length === 0 ? true : Promise.reject(new Error(left.join('\n')));
  });
}

/** Waits for the stage to begin. */
async function reach(platform: Platform, life: Life, stage: Stage): Promise<void> {
  if (stage === 'creating') return;
  if (stage === 'starting') {
    const record = `${platform.layout.nodeState}/pods/${life.uid}/record.json`;
    await until(`the agent to begin ${life.name}`, () => access(record).then(() => true));
    return;
  }
  await until(`${life.name} to begin`, async () => (await life.get()).status?.phase !== 'Pending');
  if (stage === 'deleting') await life.delete();
}

async function checkLife(life: Life, stage: Stage): Promise<void> {
  if (stage === 'ending' || stage === 'restarting') await life.checkEnds();
  else if (stage !== 'deleting') await life.checkGoesOn();
  if (stage !== 'deleting') {
    await life.checkEvents(stage === 'restarting' ? 2 : 1);
    await life.delete();
  }
  await until(`${life.name} to be gone`, () => life.gone());
}

async function sameProcesses(life: Life, expected: readonly Process[]): Promise<void> {
  const now = await processesOf(life.uid);
  assert(expected.length > 0, `${life.name} has processes`);
  const missing = expected.filter(
    ({ pid, startTicks }) => !now.some((one) => one.pid === pid && one.startTicks === startTicks),
  );
  assert.deepEqual(missing, [], `processes of ${life.name} that ended with the platform`);
}

async function checkWrites(platform: Platform, acknowledged: readonly string[]): Promise<void> {
  const maps = { apiVersion: 'v1', resource: 'configmaps', namespace: 'default' };
  const { items } = await platform.client.list<{ metadata: { name: string } }>(maps);
  const names = new Set(items.map(({ metadata }) => metadata.name));
  assert.deepEqual(
    acknowledged.filter((name) => !names.has(name)),
    [],
    'acknowledged objects that are missing',
  );
}

async function whyUnavailable(platform: Platform, runtimeClass: string): Promise<string | undefined> {
  const name = (await readInstanceConfig(platform.layout.configFile))?.nodeName ?? '';
  const { metadata } = await platform.client.get<Node>({ apiVersion: 'v1', resource: 'nodes', name });
  const state = metadata?.labels?.[`amphora.dev/runtime-class-${runtimeClass}`];
  if (state === 'available') return undefined;
  return metadata?.annotations?.[`amphora.dev/runtime-class-${runtimeClass}`] ?? 'no engine offers the class';
}

async function whyNot(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const program of ['/usr/bin/conmon', '/usr/bin/kubectl', '/bin/busybox']) {
    const present = await access(program).then(
      () => true,
      () => false,
    );
    if (!present) return `needs ${program}`;
  }
  return false;
}
