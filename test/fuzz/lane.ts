import assert from 'node:assert/strict';
import { apiVersionOf, type Kind } from '../../src/api/kind.ts';
import { Random } from './random.ts';
import { SEEDS, type Seed } from './seeds.ts';
import { HOSTILE, SCHEMA_AWARE, shotOf } from './shots.ts';
import type { Answer, Shot, Target } from './target.ts';
import { objectOf } from './values.ts';

/** What a server may answer that is not the caller's fault: not implemented, "not now" and "wait". */
const DOCUMENTED = [501, 503, 504];
/** What would decide about every request after it: only tried. */
const DRY = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations', 'apiservices'];
const PATCHES = [
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/json-patch+json',
];

interface Known {
  readonly kind: Kind;
  readonly path: string;
}

/** One sequence of requests, each after the answer to the last; its objects are its own. */
export class Lane {
  readonly seen = new Map<number, number>();
  readonly #target: Target;
  readonly #random: Random;
  readonly #number: number;
  readonly #kinds: readonly Kind[];
  readonly #known: Known[] = [];
  #requests = 0;

  constructor(target: Target, { seed, number }: { readonly seed: number; readonly number: number }) {
    this.#target = target;
    this.#random = new Random(seed + number);
    this.#number = number;
    this.#kinds = target.kinds.filter((kind) => kind.verbs.includes('create'));
  }

  get requests(): number {
    return this.#requests;
  }

  async begin(): Promise<void> {
    const metadata = { name: this.#namespace };
    await this.#post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata });
  }

  /** One request, with what is needed to see that an error changed nothing. */
  async step(): Promise<void> {
    const random = this.#random;
    const choice = random.next();
    if (choice < 0.25) return void (await this.#fire(shotOf(random, random.pick(SEEDS), HOSTILE)));
    if (choice < 0.5 || this.#known.length === 0) return await this.#create();
    const known = random.pick(this.#known);
    if (choice < 0.6) return void (await this.#fire(shotOf(random, this.#reading(known), SCHEMA_AWARE)));
    await this.#change(known);
  }

  get #namespace(): string {
    return `fuzz-${this.#number}`;
  }

  async #create(): Promise<void> {
    const random = this.#random;
    const kind = random.pick(this.#kinds);
    const collection = collectionOf(kind, this.#namespace);
    const name = `f${this.#number}-${random.below(40)}`;
    const dry = DRY.includes(kind.resource) || random.next() < 0.05;
    const seed: Seed = ['POST', `${collection}${dry ? '?dryRun=All' : ''}`, this.#objectOf(kind, name)];
    const { status } = await this.#fire(shotOf(random, seed, SCHEMA_AWARE));
    if (status === 201 && !dry) this.#known.push({ kind, path: `${collection}/${name}` });
    if (this.#known.length > 200) this.#known.splice(0, 100);
  }

  /** A write or delete of an object that may be there: when it fails, the object is as it was. */
  async #change({ kind, path }: Known): Promise<void> {
    const random = this.#random;
    const before = await this.#get(path);
    const answer = await this.#fire(shotOf(random, this.#writing({ kind, path }), SCHEMA_AWARE));
    if (answer.status < 400 || before.status !== 200) return;
    const after = await this.#get(path);
    assert.deepEqual(after, before, `an error (${answer.text.slice(0, 500)}) left ${path} changed`);
  }

  #writing({ kind, path }: Known): Seed {
    const random = this.#random;
    const name = path.slice(path.lastIndexOf('/') + 1);
    const object = this.#objectOf(kind, name);
    const sub = random.next() < 0.2 ? `/${random.pick(['status', 'scale', 'status', 'eviction'])}` : '';
    const dry = random.next() < 0.1 || DRY.includes(kind.resource) ? '&dryRun=All' : '';
    const query = `?fieldManager=${random.pick(['a', 'b'])}${dry}`;
    const force = random.next() < 0.5 ? '&force=true' : '';
    switch (random.below(6)) {
      case 0:
        return ['DELETE', `${path}${query}`, { kind: 'DeleteOptions', apiVersion: 'v1' }];
      case 1:
      case 2:
        return ['PUT', `${path}${sub}${query}`, object];
      default: {
        const type = random.pick(PATCHES);
        if (type === 'application/json-patch+json')
          return ['PATCH', `${path}${sub}${query}`, this.#operations(object), type];
        return [
          'PATCH',
          `${path}${sub}${query}${type.startsWith('application/apply') ? force : ''}`,
          object,
          type,
        ];
      }
    }
  }

  #reading({ kind, path }: Known): Seed {
    const collection = path.slice(0, path.lastIndexOf('/'));
    const queries = [
      '?limit=1',
      '?labelSelector=a%3Db',
      '?fieldSelector=metadata.name%3Dx',
      '?resourceVersion=1&resourceVersionMatch=Exact',
      `?watch=1&resourceVersion=0&timeoutSeconds=1`,
    ];
    const paths = [path, collection, ...queries.map((query) => `${collection}${query}`)];
    const schema = `/openapi/v3/${kind.group === '' ? 'api' : `apis/${kind.group}`}/${kind.version}`;
    return ['GET', this.#random.pick([...paths, schema]), undefined];
  }

  #operations(object: Readonly<Record<string, unknown>>): unknown[] {
    const random = this.#random;
    return Object.entries(object).map(([key, value]) => ({
      op: random.pick(['add', 'replace', 'remove', 'test', 'copy', 'move']),
      path: `/${key}`,
      from: '/metadata',
      value,
    }));
  }

  #objectOf(kind: Kind, name: string): Record<string, unknown> {
    const object = objectOf(kind.schema, this.#random);
    const given = object.metadata;
    const more = typeof given === 'object' && given !== null && this.#random.next() < 0.3 ? given : {};
    const metadata = {
      ...more,
      name,
      ...(kind.namespaced ? { namespace: this.#namespace } : {}),
    };
    return { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
  }

  #get(path: string): Promise<Answer> {
    return this.#fire({ headers: { ':method': 'GET', ':path': path }, body: undefined });
  }

  async #post(path: string, object: object): Promise<void> {
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/json' };
    await this.#fire({ headers, body: Buffer.from(JSON.stringify(object)) });
  }

  async #fire(shot: Shot): Promise<Answer> {
    this.#requests += 1;
    const answer = await this.#target.send(shot).catch((cause: unknown) => {
      throw new Error(`the server did not answer ${described(shot)}`, { cause });
    });
    this.seen.set(answer.status, (this.seen.get(answer.status) ?? 0) + 1);
    checkAnswer(shot, answer);
    return answer;
  }
}

function collectionOf(kind: Kind, namespace: string): string {
  const root = kind.group === '' ? '/api' : `/apis/${kind.group}`;
  return `${root}/${kind.version}${kind.namespaced ? `/namespaces/${namespace}` : ''}/${kind.resource}`;
}

function checkAnswer(shot: Shot, { status, text }: Answer): void {
  const told = `${described(shot)}\n→ ${status} ${text.slice(0, 600)}`;
  assert.ok(status >= 200 && (status < 500 || DOCUMENTED.includes(status)), told);
  if (status < 400) return;
  const { kind, code } = JSON.parse(text) as { kind: string; code: number };
  assert.deepEqual({ kind, code }, { kind: 'Status', code: status }, told);
}

function described({ headers, body }: Shot): string {
  const bytes = body?.toString('latin1').slice(0, 1500) ?? '';
  return `${headers[':method']} ${headers[':path']} ${headers['content-type'] ?? ''}\n${bytes}`;
}
