import type { Attributes } from '../../access/authz/authorizer.ts';
import type { LiveView } from '../../access/live.ts';
import type { User } from '../../access/user.ts';
import type { ApiObject } from '../../api/kind.ts';
import type { FlowSchema, PriorityLevelConfiguration } from '../../api/types.generated.ts';
import { LIMITS } from '../../lib/limits.ts';
import { DEFAULT_LEVELS, DEFAULT_SCHEMAS } from './defaults.ts';
import { Level, type LevelSettings, type Release } from './level.ts';
import { type Matcher, matcherOf } from './match.ts';

/** Who of a request is served now and who waits, by priority and fairly among flows. */
export interface Fairness {
  /** The schema a request falls under, and its level. */
  classify(user: User, attributes: Attributes): Flow;
  /** As they stand now, for who measures. */
  levels(): readonly LevelState[];
}

export interface LevelState {
  readonly name: string;
  readonly seats: number;
  readonly inUse: number;
  readonly waiting: number;
  readonly refused: number;
}

export interface Flow {
  readonly schemaUid: string;
  readonly levelUid: string;
  readonly isExempt: boolean;
  /** @throws TooManyRequests; what the signal aborts with. */
  enter(width: number, signal: AbortSignal): Release | Promise<Release>;
}

interface Schema {
  readonly uid: string;
  readonly name: string;
  readonly by: 'ByUser' | 'ByNamespace' | undefined;
  readonly matches: Matcher;
  readonly level: Level;
}

/**
 * As FlowSchemas and PriorityLevelConfigurations say, and as upstream's defaults do until there are any. What they
 * say is compiled when they change.
 */
export function createFairness(live: LiveView, options: { seats?: number } = {}): Fairness {
  const schemas = live.of('flowschemas.flowcontrol.apiserver.k8s.io');
  const levels = live.of('prioritylevelconfigurations.flowcontrol.apiserver.k8s.io');
  const seats = options.seats ?? LIMITS.fairnessSeats;
  let version = '';
  let config = new Config([], { neighbours: new Neighbours(), seats });
  const current = () => {
    const now = `${schemas.version}/${levels.version}`;
    if (now === version) return config;
    version = now;
    config = config.next([...schemas.values()], [...levels.values()]);
    return config;
  };
  return {
    classify: (user, attributes) => current().classify(user, attributes),
    levels: () => current().levels(),
  };
}

class Config {
  readonly #schemas: readonly Schema[];
  readonly #neighbours: Neighbours;
  readonly #seats: number;

  constructor(schemas: readonly Schema[], parts: { neighbours: Neighbours; seats: number }) {
    this.#schemas = schemas;
    this.#neighbours = parts.neighbours;
    this.#seats = parts.seats;
  }

  /** Levels whose settings did not change stay, with who is in them; of the others those who wait are still served. */
  next(schemas: readonly Readonly<ApiObject>[], levels: readonly Readonly<ApiObject>[]): Config {
    const settings = settingsOf(levels, this.#seats);
    const neighbours = this.#neighbours;
    const made = new Map<string, Level>();
    for (const one of settings) {
      const known = neighbours.levels.get(one.name);
      const isSame = known !== undefined && JSON.stringify(known.settings) === JSON.stringify(one);
      made.set(one.name, isSame ? known : new Level(one, neighbours));
    }
    neighbours.levels = made;
    return new Config(compile(schemas, made), { neighbours, seats: this.#seats });
  }

  levels(): LevelState[] {
    return [...this.#neighbours.levels.values()]
      .filter(({ settings }) => !settings.isExempt)
      .map(({ settings: { name, seats }, inUse, waiting, refused }) => ({
        name,
        seats,
        inUse,
        waiting,
        refused,
      }));
  }

  classify(user: User, attributes: Attributes): Flow {
    const schema = this.#schemas.find(({ matches }) => matches(user, attributes));
    if (schema === undefined) throw new RangeError('no flow schema takes every request');
    const { level, uid } = schema;
    const { settings } = level;
    return {
      schemaUid: uid,
      levelUid: settings.uid,
      isExempt: settings.isExempt,
      enter: (width, signal) =>
        level.enter(`${schema.name}/${distinguisher(schema, user, attributes)}`, width, signal),
    };
  }
}

function distinguisher({ by }: Schema, user: User, attributes: Attributes): string {
  if (by === 'ByUser') return user.name;
  return by === 'ByNamespace' && attributes.kind === 'resource' ? attributes.namespace : '';
}

/** A level takes seats of others only while they do not use them and lend them. */
class Neighbours {
  levels: ReadonlyMap<string, Level> = new Map();

  mayBorrow(level: Level, width: number): boolean {
    const over = level.inUse + width - level.settings.seats;
    if (over > level.settings.borrowable) return false;
    let spare = 0;
    let borrowed = over;
    for (const other of this.levels.values()) {
      if (other === level) continue;
      spare += other.spare;
      borrowed += Math.max(0, other.inUse - other.settings.seats);
    }
    return borrowed <= spare;
  }

  onFree(): void {
    for (const level of this.levels.values()) if (level.waiting > 0) level.serve();
  }
}

function compile(stored: readonly Readonly<ApiObject>[], levels: ReadonlyMap<string, Level>): Schema[] {
  const objects = withMandatory(stored as unknown as readonly FlowSchema[], DEFAULT_SCHEMAS); // The kind's.
  return objects
    .flatMap((schema) => {
      const level = levels.get(schema.spec?.priorityLevelConfiguration.name ?? '');
      return level === undefined ? [] : [{ schema, level }];
    })
    .sort(
      (a, b) =>
        (a.schema.spec?.matchingPrecedence ?? 0) - (b.schema.spec?.matchingPrecedence ?? 0) ||
        ((a.schema.metadata?.name ?? '') < (b.schema.metadata?.name ?? '') ? -1 : 1),
    )
    .map(({ schema, level }) => {
      const by = schema.spec?.distinguisherMethod?.type;
      return {
        uid: schema.metadata?.uid ?? '',
        name: schema.metadata?.name ?? '',
        by: by === 'ByUser' || by === 'ByNamespace' ? by : undefined,
        matches: matcherOf(schema),
        level,
      };
    });
}

/** `exempt` and `catch-all` there are always: whoever deleted them must still be able to make them again. */
function withMandatory<T extends { metadata?: { name?: string } }>(
  stored: readonly T[],
  defaults: readonly T[],
): readonly T[] {
  if (stored.length === 0) return defaults;
  const names = new Set(stored.map(({ metadata }) => metadata?.name));
  const mandatory = defaults.filter(
    ({ metadata }) => metadata?.name === 'exempt' || metadata?.name === 'catch-all',
  );
  return [...stored, ...mandatory.filter(({ metadata }) => !names.has(metadata?.name))];
}

function settingsOf(stored: readonly Readonly<ApiObject>[], seats: number): LevelSettings[] {
  const objects = withMandatory(stored as unknown as readonly PriorityLevelConfiguration[], DEFAULT_LEVELS); // The kind's.
  const sharesOf = ({ spec }: PriorityLevelConfiguration) =>
    (spec?.type === 'Exempt'
      ? spec.exempt?.nominalConcurrencyShares
      : spec?.limited?.nominalConcurrencyShares) ?? 0;
  const sum = objects.reduce((total, one) => total + sharesOf(one), 0);
  return objects.map((one) => {
    const { spec, metadata } = one;
    const own = Math.ceil((seats * sharesOf(one)) / Math.max(1, sum));
    const isExempt = spec?.type === 'Exempt';
    const lendable = (isExempt ? spec?.exempt : spec?.limited)?.lendablePercent ?? 0;
    const borrowing = spec?.limited?.borrowingLimitPercent;
    const { type, queuing } = spec?.limited?.limitResponse ?? {};
    return {
      name: metadata?.name ?? '',
      uid: metadata?.uid ?? '',
      isExempt,
      seats: own,
      lendable: Math.round((own * lendable) / 100),
      borrowable: borrowing === undefined ? seats : Math.round((own * borrowing) / 100),
      ...(type === 'Queue'
        ? {
            queuing: {
              queues: queuing?.queues ?? 64,
              handSize: queuing?.handSize ?? 8,
              queueLengthLimit: queuing?.queueLengthLimit ?? 50,
            },
          }
        : {}),
    };
  });
}
