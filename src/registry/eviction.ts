import type { ApiObject, Kind } from '../api/kind.ts';
import { fromLabelSelector, type LabelSelector, matchesLabels } from '../api/label-selector.ts';
import { toTime } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { admitBody } from './admit.ts';
import { remove } from './delete.ts';
import { items, part, text } from './fields.ts';
import { list } from './list.ts';
import type { RegistryParts } from './parts.ts';
import { plain } from './pod-binding.ts';
import type { CreateTarget, DeleteOptions, ObjectBytes, RequestContext } from './registry.ts';
import { mustLoad, present, storedKind } from './storage.ts';
import { write } from './write.ts';

/** Evictions that no controller has seen yet; upstream's bound. */
const MOST_DISRUPTED = 2000;

interface EvictionRequest {
  readonly context: RequestContext;
  readonly target: CreateTarget & { readonly name: string };
  readonly object: ApiObject;
}

/**
 * Deletes a pod as `Eviction` asks, unless that would break its disruption budget.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
 * @throws TooManyRequests when the budget allows no disruption now.
 */
export async function evict(parts: RegistryParts, request: EvictionRequest): Promise<ObjectBytes> {
  const { target, object } = request;
  // The body went through the schema of Eviction, whose deleteOptions are these.
  const options = (object.deleteOptions ?? {}) as DeleteOptions & { readonly dryRun?: readonly string[] };
  const dryRun = request.context.dryRun || options.dryRun?.includes('All') === true;
  const context = { ...request.context, dryRun };
  const { namespace, name } = target;
  const kind = storedKind(parts, target.kind);
  await admitBody(parts, context, { operation: 'CREATE', target, body: object });
  const { name: named = name } = object.metadata;
  if (named !== '' && named !== name)
    throw new AmphoraError('BadRequest', 'name in URL does not match name in Eviction object');
  const stored = await mustLoad(parts, kind, { namespace, name, signal: context.signal });
  const pod = present(parts, kind, stored).object();
  if (!isDisposable(pod)) {
    await takeFromBudget(parts, { context, namespace, pod });
    await sayWhy(parts, { context, kind: target.kind, pod });
  }
  await remove(parts, { context, target: { kind: target.kind, namespace, name }, options, admitted: true });
  return plain({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

/** Says on the pod why it goes, as upstream does of what it ends itself. */
async function sayWhy(
  parts: RegistryParts,
  {
    context,
    kind,
    pod,
  }: { readonly context: RequestContext; readonly kind: Kind; readonly pod: Readonly<ApiObject> },
): Promise<void> {
  const { namespace = '', name } = pod.metadata;
  const type = 'DisruptionTarget';
  const condition = {
    type,
    status: 'True',
    lastTransitionTime: toTime(parts.clock.now()),
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  };
  await write(parts, {
    context,
    target: { kind, namespace, name, subresource: 'status' },
    make: (current) => {
      const status = part(current, 'status');
      const others = items(status, 'conditions').filter((one) => one.type !== type);
      return { ...current, status: { ...status, conditions: [...others, condition] } };
    },
  });
}

/** What does not run, has ended, or is going already disrupts nobody. */
function isDisposable(pod: Readonly<ApiObject>): boolean {
  const phase = text(part(pod, 'status'), 'phase');
  return (
    pod.metadata.deletionTimestamp !== undefined ||
    phase === 'Pending' ||
    phase === 'Succeeded' ||
    phase === 'Failed'
  );
}

interface Disruption {
  readonly context: RequestContext;
  readonly namespace: string;
  readonly pod: Readonly<ApiObject>;
}

async function takeFromBudget(parts: RegistryParts, disruption: Disruption): Promise<void> {
  const { context, namespace, pod } = disruption;
  const kind = parts.kinds.find('policy', 'v1', 'poddisruptionbudgets');
  if (kind === undefined) return;
  const all = await list(parts, { context, target: { kind, namespace }, options: {} });
  const budgets = all.items.map((item) => item.object()).filter((budget) => covers(budget, pod));
  const [budget, ...more] = budgets;
  if (budget === undefined) return;
  if (more.length > 0)
    throw new AmphoraError(
      'Internal',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  await write(parts, {
    context,
    target: { kind, namespace, name: budget.metadata.name, subresource: 'status' },
    make: (current) => disrupted(current, pod, toTime(parts.clock.now())),
  });
}

function covers(budget: Readonly<ApiObject>, pod: Readonly<ApiObject>): boolean {
  const { selector } = part(budget, 'spec');
  if (selector === undefined) return false;
  // The kind's schema; an empty selector covers every pod of the namespace.
  return matchesLabels(fromLabelSelector(selector as LabelSelector), pod.metadata.labels ?? {});
}

/** The budget with one disruption less. @throws TooManyRequests when it has none. */
function disrupted(budget: ApiObject, pod: Readonly<ApiObject>, now: string): ApiObject {
  const status = part(budget, 'status');
  const { generation = 0 } = budget.metadata;
  if (mayGoUnhealthy(budget, pod)) return budget;
  if (Number(status.observedGeneration ?? 0) < generation)
    throw refused(budget, { why: 'is still being processed by the server.', retryAfterSeconds: 10 });
  const allowed = Number(status.disruptionsAllowed ?? 0);
  const disruptedPods = part(status, 'disruptedPods');
  if (allowed < 0) throw forbiddenBudget(budget, 'pod disruption budget is negative');
  if (Object.keys(disruptedPods).length > MOST_DISRUPTED)
    throw forbiddenBudget(
      budget,
      'DisruptedPods map too big - too many evictions not confirmed by PDB controller',
    );
  if (allowed === 0) {
    const failed = items(status, 'conditions').find(({ reason }) => reason === 'SyncFailed');
    const more = failed === undefined ? '' : `: ${text(failed, 'message')}`;
    const healthy = `needs ${Number(status.desiredHealthy ?? 0)} healthy pods and has ${Number(status.currentHealthy ?? 0)} currently`;
    throw refused(budget, { why: `${healthy}${more}` });
  }
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...disruptedPods, [pod.metadata.name]: now },
    },
  };
}

/** A pod that is not ready does not count as healthy: whether it may go is the budget's policy. */
function mayGoUnhealthy(budget: Readonly<ApiObject>, pod: Readonly<ApiObject>): boolean {
  const ready = items(part(pod, 'status'), 'conditions').find(({ type }) => type === 'Ready');
  if (ready?.status === 'True') return false;
  if (text(part(budget, 'spec'), 'unhealthyPodEvictionPolicy') === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = part(budget, 'status');
  return Number(currentHealthy) >= Number(desiredHealthy) && Number(desiredHealthy) > 0;
}

function refused(
  budget: Readonly<ApiObject>,
  { why, ...retry }: { readonly why: string; readonly retryAfterSeconds?: number },
): AmphoraError {
  const message = `The disruption budget ${budget.metadata.name} ${why}`;
  return new AmphoraError(
    'TooManyRequests',
    "Cannot evict pod as it would violate the pod's disruption budget.",
    { details: [{ reason: 'DisruptionBudget', field: '', message }], ...retry },
  );
}

function forbiddenBudget({ metadata: { name } }: Readonly<ApiObject>, why: string): AmphoraError {
  const what = `poddisruptionbudgets.policy ${JSON.stringify(name)}`;
  return new AmphoraError('Forbidden', `${what} is forbidden: ${why}`, {
    about: { group: 'policy', kind: 'poddisruptionbudgets', name },
  });
}
