import type { ApiObject } from '../../../api/kind.ts';
import { type Amounts, addAmounts, amountsOf } from '../../../api/pod-resources.ts';
import { compareQuantities, formatQuantity, type Quantity } from '../../../api/quantity.ts';
import { matchesScopes } from '../../../api/quota/scopes.ts';
import { computeUsage, usageOf } from '../../../api/quota/usage.ts';
import type { Container, Pod, ResourceQuota } from '../../../api/types.generated.ts';

/** What an admission request would take. */
export interface Demand {
  /** Qualified. */
  readonly resource: string;
  readonly object: Readonly<ApiObject>;
  /** Before an update: only what it takes more is charged. */
  readonly old: Readonly<ApiObject> | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The quota's `used` with the demand, `unchanged`, or why it may not be. */
export type Charge =
  | { readonly type: 'unchanged' }
  | { readonly type: 'charged'; readonly used: Readonly<Record<string, string>> }
  | { readonly type: 'refused'; readonly why: string };

const UNCHANGED: Charge = { type: 'unchanged' };

/** Pure, in upstream's order and words. Only what the controller has taken up in the status counts. */
export function charge(quota: ResourceQuota, demand: Demand): Charge {
  const { resource, object, old, now } = demand;
  const hard = amountsOf(quota.status?.hard);
  const usage = usageOf(resource, object, now);
  const name = quota.metadata?.name ?? '';
  const spec = quota.spec ?? {};
  const named = Object.keys(hard).filter((each) => Object.hasOwn(usage, each) || isRequired(resource, each));
  if (named.length === 0 || !matchesScopes(spec, resource, object)) return UNCHANGED;
  const missing = resource === 'pods' ? unsaid(object as unknown as Pod, named) : '';
  if (missing !== '') return { type: 'refused', why: `failed quota: ${name}: must specify ${missing}` };
  const used = amountsOf(quota.status?.used);
  const unknown = named.filter((each) => !Object.hasOwn(used, each)).sort();
  if (unknown.length > 0)
    return { type: 'refused', why: `status unknown for quota: ${name}, resources: ${unknown.join(',')}` };
  const before = old === undefined || !matchesScopes(spec, resource, old) ? {} : usageOf(resource, old, now);
  const requested = increase(usage, before, named);
  const wanted = Object.keys(requested);
  if (wanted.length === 0) return UNCHANGED;
  const next = addAmounts(used, requested);
  const exceeded = wanted.filter((each) => isMore(next[each], hard[each])).sort();
  if (exceeded.length === 0) return { type: 'charged', used: format(next) };
  const show = (amounts: Amounts) =>
    exceeded.map((each) => `${each}=${formatQuantity(amounts[each] ?? ZERO)}`).join(',');
  const why = `exceeded quota: ${name}, requested: ${show(requested)}, used: ${show(used)}, limited: ${show(hard)}`;
  return { type: 'refused', why };
}

const ZERO: Quantity = { nanos: 0n, format: 'decimal' };

function isMore(next: Quantity | undefined, most: Quantity | undefined): boolean {
  return next !== undefined && most !== undefined && compareQuantities(next, most) > 0;
}

/** What is taken more than before, of what the quota names. */
function increase(usage: Amounts, before: Amounts, named: readonly string[]): Amounts {
  const more = named.flatMap((name) => {
    const { nanos, format: shown } = usage[name] ?? ZERO;
    const rest = nanos - (before[name]?.nanos ?? 0n);
    return rest > 0n ? [[name, { nanos: rest, format: shown }] as const] : [];
  });
  return Object.fromEntries(more);
}

function format(amounts: Amounts): Record<string, string> {
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, formatQuantity(amount)]));
}

const REQUIRED = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];

/** Where a quota counts processor or memory, every container must say how much it wants. */
function isRequired(resource: string, name: string): boolean {
  return resource === 'pods' && REQUIRED.includes(name);
}

/** `limits.cpu for: a,b; requests.memory for: b` */
function unsaid({ spec }: Pod, named: readonly string[]): string {
  const whole = said(spec ?? {});
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  return named
    .filter((name) => REQUIRED.includes(name) && !Object.hasOwn(whole, name))
    .sort()
    .flatMap((name) => {
      const silent = containers.filter((container) => !Object.hasOwn(said(container), name));
      if (silent.length === 0) return [];
      const names = silent.map((container) => container.name).sort();
      return [`${name} for: ${names.join(',')}`];
    })
    .join('; ');
}

function said({ resources }: Pick<Container, 'resources'>): Amounts {
  return computeUsage(amountsOf(resources?.requests), amountsOf(resources?.limits));
}
