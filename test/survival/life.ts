import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Event, Pod } from '../../src/api/types.generated.ts';
import { isCode } from '../../src/lib/errors.ts';
import { type Platform, until } from './platform.ts';

const PODS = { apiVersion: 'v1', resource: 'pods', namespace: 'default' };
/** Prints its number in the pod's life and then numbered lines, so that a lost or a second start shows. */
const BEGIN = 'n=$(($(cat /v/n 2>/dev/null || echo 0) + 1)); echo $n > /v/n; echo start $n; i=0';
const LINE = 'echo line $i; i=$((i + 1)); sleep 0.03';
const TRAP = "trap 'exit 0' TERM";

/** What a pod does: for ever, until it ends with a code, or with a crash first. */
export type Story = 'stays' | 'ends' | 'crashes';
export const LINES = 12;
export const END_CODE = 7;

const SCRIPTS: Record<Story, string> = {
  stays: `${TRAP}; ${BEGIN}; while :; do ${LINE}; done`,
  ends: `${BEGIN}; while [ $i -lt ${LINES} ]; do ${LINE}; done; exit ${END_CODE}`,
  crashes: `${BEGIN}; while [ $i -lt ${LINES} ]; do ${LINE}; done; [ $n = 1 ] && exit ${END_CODE}; exit 0`,
};

/** One pod under test and the questions asked about it. */
export class Life {
  readonly #platform: Platform;
  readonly name: string;
  readonly story: Story;
  readonly uid: string;

  private constructor(platform: Platform, made: { name: string; story: Story; uid: string }) {
    this.#platform = platform;
    this.name = made.name;
    this.story = made.story;
    this.uid = made.uid;
  }

  static async begin(
    platform: Platform,
    { name, story, runtimeClass, image }: { name: string; story: Story; runtimeClass: string; image: string },
  ): Promise<Life> {
    const pod = await platform.client.create<Pod>(PODS, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        runtimeClassName: runtimeClass,
        restartPolicy: story === 'crashes' ? 'OnFailure' : 'Never',
        terminationGracePeriodSeconds: 3,
        containers: [
          {
            name: 'main',
            image,
            command: ['/bin/sh', '-c', SCRIPTS[story]],
            volumeMounts: [{ name: 'v', mountPath: '/v' }],
            resources: { limits: { memory: '64Mi' } },
          },
        ],
        volumes: [{ name: 'v', emptyDir: {} }],
      },
    });
    return new Life(platform, { name, story, uid: pod.metadata?.uid ?? '' });
  }

  get(): Promise<Pod> {
    return this.#platform.client.get<Pod>({ ...PODS, name: this.name });
  }

  async gone(): Promise<boolean> {
    return await this.get().then(
      () => false,
      (error: unknown) => isCode(error, 'NotFound'),
    );
  }

  async delete(): Promise<void> {
    await this.#platform.client.delete({ ...PODS, name: this.name });
  }

  async #container() {
    return (await this.get()).status?.containerStatuses?.[0];
  }

  running(): Promise<unknown> {
    return until(`${this.name} to run`, async () => (await this.#container())?.state?.running);
  }

  async log(previous = false): Promise<string[]> {
    const text = await this.#platform.kubectl('logs', this.name, ...(previous ? ['--previous'] : []));
    return text.split('\n').filter((line) => line !== '');
  }

  /** Asserts that attempt `start` wrote `start`, then every line in order, once; at least or exactly `count` of them. */
  async checkLog(
    start: number,
    { previous = false, exactly }: { previous?: boolean; exactly?: number } = {},
  ): Promise<number> {
    const [first, ...lines] = await this.log(previous);
    assert.equal(first, `start ${start}`, `first line of start ${start} of ${this.name}`);
    assert.deepEqual(
      lines,
      lines.map((_, index) => `line ${index}`),
      `log of ${this.name}`,
    );
    if (exactly !== undefined) assert.equal(lines.length, exactly, `lines in the log of ${this.name}`);
    return lines.length;
  }

  /** Once the pod goes on: lines come on without a gap, in the attempt that was begun first. */
  async checkGoesOn(): Promise<void> {
    await this.running();
    await until(`${this.name} to write`, async () => (await this.log()).length > 0);
    const seen = await this.checkLog(1);
    await until(`${this.name} to write on`, async () => (await this.log()).length > seen + 2);
    await this.checkLog(1);
    assert.equal((await this.#container())?.restartCount, 0, `restarts of ${this.name}`);
  }

  async checkEnds(): Promise<void> {
    const ended = await until(`${this.name} to end`, async () => {
      const { phase } = (await this.get()).status ?? {};
      return phase === 'Failed' || phase === 'Succeeded' ? await this.#container() : undefined;
    });
    const crashes = this.story === 'crashes';
    assert.equal(ended.state?.terminated?.exitCode, crashes ? 0 : END_CODE, `exit code of ${this.name}`);
    assert.equal(ended.restartCount, crashes ? 1 : 0, `restarts of ${this.name}`);
    await this.checkLog(crashes ? 2 : 1, { exactly: LINES });
    if (!crashes) return;
    assert.equal(ended.lastState?.terminated?.exitCode, END_CODE, `exit code before of ${this.name}`);
    await this.checkLog(1, { previous: true, exactly: LINES });
  }

  /** The events of a pod that was started so often: every start told, and nothing that frightens. */
  async checkEvents(starts: number): Promise<void> {
    await until(`events of ${this.name}`, async () => {
      const counts = await this.#events();
      return ['Pulled', 'Created', 'Started'].every(
        (reason) => (counts.get(reason) ?? 0) >= (reason === 'Pulled' ? 1 : starts),
      );
    });
    const known = ['Scheduled', 'Pulled', 'Created', 'Started', 'Killing'];
    assert.deepEqual(
      [...(await this.#events()).keys()].filter((reason) => !known.includes(reason)),
      [],
    );
  }

  async #events(): Promise<Map<string, number>> {
    const { items } = await this.#platform.client.list<Event>(
      { ...PODS, resource: 'events' },
      { fieldSelector: `involvedObject.uid=${this.uid}` },
    );
    return new Map(items.map(({ reason = '', count = 1 }) => [reason, count]));
  }
}

/** Writes objects without a pause until told to stop; knows which were acknowledged. */
export async function writeUntil(
  platform: Platform,
  prefix: string,
  stopped: () => boolean,
): Promise<readonly string[]> {
  const maps = { apiVersion: 'v1', resource: 'configmaps', namespace: 'default' };
  const acknowledged: string[] = [];
  for (let count = 0; !stopped(); count += 1) {
    const name = `${prefix}-${count}`;
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } };
    const signal = AbortSignal.timeout(2000);
    await platform.client.create(maps, body, { signal }).then(
      () => void acknowledged.push(name),
      () => {},
    );
    await delay(10);
  }
  return acknowledged;
}
