import { fromLabelSelector, type LabelSelector, matchesLabels } from '../../api/label-selector.ts';
import type {
  Condition,
  Pod,
  PodDisruptionBudget,
  PodDisruptionBudgetStatus,
} from '../../api/types.generated.ts';
import { toTime } from '../../lib/clock.ts';

/** How long an evicted pod may take until it is seen to be deleted; after that it counts as if nobody had evicted it. */
const DISRUPTION_MS = 2 * 60_000;

/** What was found of a budget's pods. */
export interface Found {
  readonly pods: readonly Pod[];
  /** How many pods their owners want; undefined where that is not needed. A text: why it could not be found out. */
  readonly expected: number | string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface PlannedStatus {
  readonly status: PodDisruptionBudgetStatus;
  /** When to look again although nothing happened; undefined: never. */
  readonly againAfterMs: number | undefined;
}

/** Which pods a budget is about: one without a selector is about none, one with an empty selector about all. */
export function podsOf(budget: PodDisruptionBudget, pods: readonly Pod[]): Pod[] {
  const { selector } = budget.spec ?? {};
  if (selector === undefined) return [];
  const labels = fromLabelSelector(selector as LabelSelector); // Of the schema.
  return pods.filter(({ metadata }) => matchesLabels(labels, metadata?.labels));
}

/** Whether the budget counts from how many pods are wanted, not from how many there are. */
export function needsExpected({ spec = {} }: PodDisruptionBudget): boolean {
  return spec.maxUnavailable !== undefined || typeof spec.minAvailable === 'string';
}

/** The status that a budget is to have, as upstream's disruption controller finds it; undefined when it has it. */
export function planBudget(budget: PodDisruptionBudget, found: Found): PlannedStatus | undefined {
  const { disruptedPods, againAfterMs } = stillDisrupted(budget, found);
  const { desired, expected } = wanted(budget, found);
  const failed = typeof found.expected === 'string' ? found.expected : undefined;
  const current = found.pods.filter((pod) => isHealthy(pod, disruptedPods)).length;
  const allowed = failed !== undefined || expected <= 0 ? 0 : Math.max(0, current - desired);
  const before = budget.status;
  const { generation = 0 } = budget.metadata ?? {};
  const status: PodDisruptionBudgetStatus = {
    ...before,
    observedGeneration: generation,
    disruptionsAllowed: allowed,
    currentHealthy: failed === undefined ? current : (before?.currentHealthy ?? 0),
    desiredHealthy: failed === undefined ? desired : (before?.desiredHealthy ?? 0),
    expectedPods: failed === undefined ? expected : (before?.expectedPods ?? 0),
    disruptedPods,
    conditions: conditionsOf(budget, { allowed, failed, now: found.now }),
  };
  if (Object.keys(disruptedPods).length === 0) delete status.disruptedPods;
  const same = before !== undefined && JSON.stringify(sorted(before)) === JSON.stringify(sorted(status));
  return same ? undefined : { status, againAfterMs };
}

/** When the next of the disrupted pods stops counting as one. */
export function againAfter(budget: PodDisruptionBudget, found: Found): number | undefined {
  return stillDisrupted(budget, found).againAfterMs;
}

function sorted(status: PodDisruptionBudgetStatus): unknown {
  return Object.entries(status).sort(([a], [b]) => (a < b ? -1 : 1));
}

function stillDisrupted(
  { status }: PodDisruptionBudget,
  { pods, now }: Found,
): { readonly disruptedPods: Record<string, string>; readonly againAfterMs: number | undefined } {
  const disruptedPods: Record<string, string> = {};
  let next: number | undefined;
  for (const { metadata } of pods) {
    const { name = '', deletionTimestamp } = metadata ?? {};
    const known = status?.disruptedPods ?? {};
    const time = Object.hasOwn(known, name) ? known[name] : undefined;
    if (time === undefined || deletionTimestamp !== undefined) continue;
    const left = Date.parse(time) + DISRUPTION_MS - now;
    if (left <= 0) continue;
    disruptedPods[name] = time;
    next = Math.min(next ?? left, left);
  }
  return { disruptedPods, againAfterMs: next };
}

function wanted(
  budget: PodDisruptionBudget,
  { pods, expected }: Found,
): { desired: number; expected: number } {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  const count = typeof expected === 'number' ? expected : pods.length;
  if (maxUnavailable !== undefined)
    return { desired: Math.max(0, count - scaled(maxUnavailable, count)), expected: count };
  if (typeof minAvailable === 'string') return { desired: scaled(minAvailable, count), expected: count };
  return { desired: minAvailable ?? 0, expected: pods.length };
}

/** A count, or a percentage of one, rounded up. */
function scaled(value: number | string, of: number): number {
  return typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) * of) / 100);
}

function isHealthy({ metadata, status }: Pod, disrupted: Readonly<Record<string, string>>): boolean {
  if (metadata?.deletionTimestamp !== undefined || Object.hasOwn(disrupted, metadata?.name ?? ''))
    return false;
  return status?.conditions?.some(({ type, status: said }) => type === 'Ready' && said === 'True') === true;
}

function conditionsOf(
  budget: PodDisruptionBudget,
  {
    allowed,
    failed,
    now,
  }: { readonly allowed: number; readonly failed: string | undefined; readonly now: number },
): Condition[] {
  const before = budget.status?.conditions ?? [];
  const status = allowed > 0 ? 'True' : 'False';
  const reason = failed !== undefined ? 'SyncFailed' : allowed > 0 ? 'SufficientPods' : 'InsufficientPods';
  const known = before.find(({ type }) => type === 'DisruptionAllowed');
  const lastTransitionTime = known?.status === status ? known.lastTransitionTime : toTime(now);
  const { generation = 0 } = budget.metadata ?? {};
  const condition: Condition = {
    type: 'DisruptionAllowed',
    status,
    reason,
    message: failed ?? '',
    observedGeneration: generation,
    lastTransitionTime,
  };
  return [...before.filter(({ type }) => type !== 'DisruptionAllowed'), condition];
}
