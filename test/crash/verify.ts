import { isDeepStrictEqual } from 'node:util';
import { openLmdbStore } from '../../src/store/lmdb.ts';
import type { Store, StoredObject } from '../../src/store/store.ts';
import { commitsOf, type History, type LoggedCommit, nameOf, readHistory, State } from './history.ts';
import { BASE, BASE_OBJECTS, hashOf, keyOf, type Line, makeValue, RESOURCE, readValue } from './protocol.ts';

const SIGNAL = new AbortController().signal;

type Acknowledged = Extract<Line, { kind: 'acknowledged' }>;

/** What the guest told until it died. */
export interface Told {
  /** The newest revision before the writers began. */
  readonly base: number;
  readonly lines: readonly Line[];
}

export interface Findings {
  /** What is wrong; empty if all is as it should be. What was acknowledged and is not there begins with `lost`. */
  readonly problems: readonly string[];
  readonly acknowledged: number;
  /** Commits that are there though the guest died before it could tell. */
  readonly untold: number;
  readonly compaction: 'none' | 'under way' | 'done';
}

/**
 * Opens a store that a crash left and holds it against what its writers were told. The acknowledged commits are the
 * beginning of the log, whole and in order; after them comes at most the one that each writer was at, also whole;
 * the objects are what the log makes them, now and at the revision the history begins with.
 */
export async function verify(directory: string, told: Told): Promise<Findings> {
  const store = await openLmdbStore(directory);
  try {
    const acknowledged = told.lines.filter((line) => line.kind === 'acknowledged');
    const history = await readHistory(store, told);
    const newest = acknowledged.at(-1)?.revision ?? told.base;
    const untold = commitsOf(history?.events ?? []).filter(({ revision }) => revision > newest);
    const problems = [
      ...checkTold(acknowledged, told),
      ...(history === undefined ? ['the history begins elsewhere than the guest told'] : []),
      ...(history === undefined ? [] : checkLog(acknowledged, { history, untold })),
      ...(await checkObjects(store, { acknowledged, untold, after: history?.after ?? told.base })),
      ...(await checkGoesOn(store, Math.max(newest, untold.at(-1)?.revision ?? 0))),
    ];
    return {
      problems,
      acknowledged: acknowledged.length,
      untold: untold.length,
      compaction: compactionOf(told.lines),
    };
  } finally {
    await store.close();
  }
}

function compactionOf(lines: readonly Line[]): Findings['compaction'] {
  if (lines.some(({ kind }) => kind === 'compacted')) return 'done';
  return lines.some(({ kind }) => kind === 'compacting') ? 'under way' : 'none';
}

/** This store's revisions have no gaps when nothing conflicts, and it acknowledges them in order. */
function checkTold(acknowledged: readonly Acknowledged[], { base, lines }: Told): string[] {
  const failures = lines.flatMap((line) => (line.kind === 'failed' ? [`in the guest: ${line.message}`] : []));
  const disorder = acknowledged.flatMap(({ revision }, index) =>
    revision === base + 1 + index ? [] : [`revision ${revision} was acknowledged as number ${index + 1}`],
  );
  return [...failures, ...disorder];
}

function checkLog(
  acknowledged: readonly Acknowledged[],
  { history, untold }: { history: History; untold: readonly LoggedCommit[] },
): string[] {
  const problems: string[] = [];
  const logged = new Map(commitsOf(history.events).map((commit) => [commit.revision, commit]));
  const sequences = new Map<string, number>();
  const state = new State();
  for (const { revision, commit } of acknowledged) {
    const found = logged.get(revision);
    sequences.set(commit.writer, commit.sequence);
    if (revision > history.after && found === undefined)
      problems.push(`lost: revision ${revision} of the history`);
    if (found !== undefined) problems.push(...checkEvents(found, state));
    if (
      found !== undefined &&
      !isDeepStrictEqual([found.writer, found.changes], [commit.writer, commit.changes])
    )
      problems.push(`changed: revision ${revision} of the history`);
    state.apply(commit.writer, commit.changes, revision);
  }
  const first = untold[0]?.revision ?? 0;
  if (untold.length > 0 && first !== (acknowledged.at(-1)?.revision ?? first - 1) + 1)
    problems.push(`a gap before revision ${first}`);
  for (const [index, commit] of untold.entries()) {
    if (commit.revision !== first + index) problems.push(`a gap before revision ${commit.revision}`);
    problems.push(...checkEvents(commit, state), ...checkWhole(commit, sequences.get(commit.writer) ?? 0));
    sequences.set(commit.writer, Number.POSITIVE_INFINITY); // Nobody has two under way.
    state.apply(commit.writer, commit.changes, commit.revision);
  }
  return problems;
}

/** The bytes are whole, and those before are the ones that were there. */
function checkEvents({ revision, events }: LoggedCommit, before: State): string[] {
  return events.flatMap(({ key, bytes, previous }) => {
    const problems: string[] = [];
    if (readValue(bytes) === undefined) problems.push(`half-written: event of ${nameOf(key)} at ${revision}`);
    const expected = before.get(nameOf(key))?.split(' ')[1];
    if ((previous === undefined ? undefined : hashOf(previous)) !== expected)
      problems.push(`the event of ${nameOf(key)} at ${revision} has other bytes before it`);
    return problems;
  });
}

/** @param sequence of the writer's last acknowledged commit */
function checkWhole({ revision, writer, events }: LoggedCommit, sequence: number): string[] {
  const origins = events.flatMap(({ type, bytes }) => (type === 'put' ? (readValue(bytes) ?? []) : []));
  return [
    ...(events.every(({ key }) => key.namespace === writer) ? [] : [`revision ${revision} has two writers`]),
    ...origins.flatMap((origin) =>
      origin.of === events.length ? [] : [`half-written: revision ${revision}`],
    ),
    ...origins.flatMap((origin) =>
      origin.sequence === sequence + 1
        ? []
        : [`revision ${revision} is ${writer}'s commit ${origin.sequence}`],
    ),
  ];
}

async function checkObjects(
  store: Store,
  log: { acknowledged: readonly Acknowledged[]; untold: readonly LoggedCommit[]; after: number },
): Promise<string[]> {
  const state = new State();
  for (const { revision, commit } of log.acknowledged.filter(({ revision }) => revision <= log.after))
    state.apply(commit.writer, commit.changes, revision);
  const problems = await compare(store, { state, at: log.after });
  for (const { revision, commit } of log.acknowledged)
    if (revision > log.after) state.apply(commit.writer, commit.changes, revision);
  for (const { revision, writer, changes } of log.untold) state.apply(writer, changes, revision);
  return [...problems, ...(await compare(store, { state }))];
}

async function compare(store: Store, { state, at }: { state: State; at?: number }): Promise<string[]> {
  const options = { signal: SIGNAL, ...(at === undefined ? {} : { revision: at }) };
  const page = await store.list({ resource: RESOURCE }, options).catch(() => undefined);
  if (page === undefined) return [`no list at ${at}`];
  const when = at === undefined ? '' : ` as of ${at}`;
  const broken = page.items.filter(({ bytes }) => readValue(bytes) === undefined);
  const [first, written] = [page.items.filter(isFirst), page.items.filter((object) => !isFirst(object))];
  const found = new Map(
    written.map(({ key, bytes, revision }) => [nameOf(key), `${revision} ${hashOf(bytes)}`]),
  );
  return [
    ...broken.map(({ key }) => `half-written: ${nameOf(key)}${when}`),
    ...(first.length === BASE_OBJECTS ? [] : [`lost: of the first objects ${first.length} are there${when}`]),
    ...[...state.entries].flatMap(([name, value]) => {
      const there = found.get(name);
      if (there === value) return [];
      return there === undefined || Number.parseInt(there, 10) < Number.parseInt(value, 10)
        ? [`lost: ${name} at ${value.split(' ')[0]}${when}`]
        : [`changed: ${name} is ${there} and not ${value}${when}`];
    }),
    ...[...found.keys()].flatMap((name) =>
      state.get(name) === undefined ? [`too many: ${name}${when}`] : [],
    ),
  ];
}

function isFirst({ key, bytes }: StoredObject): boolean {
  return key.namespace === BASE && readValue(bytes)?.writer === BASE;
}

/** The store takes what comes next, after everything there is. */
async function checkGoesOn(store: Store, newest: number): Promise<string[]> {
  const key = keyOf('host', 'after');
  const bytes = makeValue({ writer: 'host', sequence: 1, of: 1 }, 100);
  const before = await store.revision(SIGNAL);
  const { revision } = await store.commit([{ key, bytes, expected: 0 }], SIGNAL);
  const there = await store.get(key, { signal: SIGNAL });
  return [
    ...(before === newest ? [] : [`lost: the store is at revision ${before} and not ${newest}`]),
    ...(revision === before + 1 && there?.bytes.equals(bytes) === true ? [] : ['the store does not go on']),
  ];
}
