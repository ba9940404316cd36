import type { ApiObject } from '../../../api/kind.ts';
import type { ResourceQuota } from '../../../api/types.generated.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import { LIMITS } from '../../../lib/limits.ts';
import type { AdmissionReader } from '../admission.ts';
import { charge, type Demand } from './charge.ts';

/** One request that waits for its place in the quotas of its namespace. */
interface Waiting {
  readonly demand: Demand;
  readonly dryRun: boolean;
  /** The words of a refusal; undefined: it may be. */
  readonly settle: (refusal: string | undefined) => void;
  readonly fail: (error: unknown) => void;
}

/** Reads, and writes a status where nobody else has. */
export type QuotaStore = Pick<AdmissionReader, 'list' | 'replaceStatuses'>;

/**
 * The quotas of namespaces, charged in turn: who waits together is charged together, with one write for each quota
 * that changes. A write that somebody else came before is made again from a fresh read.
 */
export class Ledger {
  readonly #waiting = new Map<string, Waiting[]>();

  /** Resolves with why the demand is refused, or undefined when it was charged. */
  async ask(
    namespace: string,
    request: { readonly demand: Demand; readonly dryRun: boolean; readonly store: QuotaStore },
  ): Promise<string | undefined> {
    const { demand, dryRun, store } = request;
    const { promise, resolve: settle, reject: fail } = Promise.withResolvers<string | undefined>();
    const waiting = { demand, dryRun, settle, fail };
    const queue = this.#waiting.get(namespace);
    if (queue !== undefined) queue.push(waiting);
    else {
      this.#waiting.set(namespace, [waiting]);
      void this.#work(namespace, store); // Tells its failures to those who wait.
    }
    return await promise;
  }

  /** Runs until nobody waits; each failure is told to who waited for that turn. */
  async #work(namespace: string, store: QuotaStore): Promise<void> {
    for (;;) {
      const queue = this.#waiting.get(namespace) ?? [];
      const turn = queue.splice(0, LIMITS.quotaBatch);
      if (turn.length === 0) break;
      try {
        await settleTurn(namespace, turn, store);
      } catch (error) {
        for (const { fail } of turn) fail(error);
      }
    }
    this.#waiting.delete(namespace);
  }
}

async function settleTurn(namespace: string, turn: readonly Waiting[], store: QuotaStore): Promise<void> {
  // Not the signal of one of them: the others wait for the same turn.
  const signal = AbortSignal.timeout(LIMITS.requestMs);
  for (let attempt = 1; attempt <= LIMITS.conflictRetries; attempt++) {
    const quotas = await store.list('resourcequotas', signal, namespace);
    const { refusals, charged } = chargeAll(quotas, turn);
    const changes = charged.map(({ object, used }) => ({
      object,
      status: { ...(object.status as object), used }, // The registry conformed it.
    }));
    if (changes.length > 0 && !(await store.replaceStatuses('resourcequotas', changes, signal))) continue;
    for (const [index, { settle }] of turn.entries()) settle(refusals[index]);
    return;
  }
  throw new AmphoraError(
    'TooManyRequests',
    `the quotas of ${namespace} are being changed too fast: try again`,
    {
      retryAfterSeconds: 1,
    },
  );
}

interface Charged {
  readonly object: Readonly<ApiObject>;
  readonly used: Readonly<Record<string, string>>;
}

function chargeAll(
  quotas: readonly Readonly<ApiObject>[],
  turn: readonly Waiting[],
): { readonly refusals: (string | undefined)[]; readonly charged: Charged[] } {
  // The registry conformed them.
  const states = quotas.map((object) => ({
    object,
    quota: object as unknown as ResourceQuota,
    changed: false,
  }));
  const refusals = turn.map(({ demand, dryRun }) => {
    const charges = states.map(({ quota }) => charge(quota, demand));
    for (const one of charges) if (one.type === 'refused') return one.why;
    if (dryRun) return undefined;
    charges.forEach((one, index) => {
      const state = states[index];
      if (one.type !== 'charged' || state === undefined) return;
      state.quota = { ...state.quota, status: { ...state.quota.status, used: { ...one.used } } };
      state.changed = true;
    });
    return undefined;
  });
  const charged = states
    .filter(({ changed }) => changed)
    .map(({ object, quota }) => ({ object, used: quota.status?.used ?? {} }));
  return { refusals, charged };
}
