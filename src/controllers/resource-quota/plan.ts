import { equalJson } from '../../api/json.ts';
import { type Amounts, amountsOf } from '../../api/pod-resources.ts';
import { formatQuantity } from '../../api/quantity.ts';
import { matchesScopes } from '../../api/quota/scopes.ts';
import { countedResource, sumUsage, usageOf } from '../../api/quota/usage.ts';
import type { ResourceQuota } from '../../api/types.generated.ts';

/** The kinds whose objects must be counted for a quota; qualified. */
export function countedBy(quota: ResourceQuota): readonly string[] {
  return [...new Set(Object.keys(quota.spec?.hard ?? {}).map(countedResource))];
}

export interface QuotaStatus {
  readonly hard: Readonly<Record<string, string>>;
  readonly used: Readonly<Record<string, string>>;
}

/**
 * What the quota's status should say, or undefined where it says so.
 * @param objects what there is in the namespace, by qualified resource
 */
export function planQuota(
  quota: ResourceQuota,
  objects: ReadonlyMap<string, readonly object[]>,
  now: number,
): QuotaStatus | undefined {
  const hard = quota.spec?.hard ?? {};
  const usages: Amounts[] = [];
  for (const [resource, all] of objects)
    for (const object of all)
      if (matchesScopes(quota.spec ?? {}, resource, object)) usages.push(usageOf(resource, object, now));
  const total = sumUsage(usages);
  const used = Object.fromEntries(
    Object.keys(hard).map((name) => {
      const amount = Object.hasOwn(total, name) ? total[name] : undefined;
      return [name, amount === undefined ? '0' : formatQuantity(amount)];
    }),
  );
  const { status } = quota;
  const isThere = sameAmounts(status?.hard, hard) && sameAmounts(status?.used, used);
  return isThere ? undefined : { hard, used };
}

/** Whether anything is given back: then what was charged may only be on its way, and is looked at twice. */
export function givesBack(quota: ResourceQuota, { used }: QuotaStatus): boolean {
  const before = amountsOf(quota.status?.used);
  return Object.entries(amountsOf(used)).some(([name, { nanos }]) => nanos < (before[name]?.nanos ?? 0n));
}

export function sameAmounts(
  a: Readonly<Record<string, string>> | undefined,
  b: Readonly<Record<string, string>> | undefined,
): boolean {
  if (a === undefined || b === undefined) return a === b;
  return equalJson(a, b) || equalJson(nanos(a), nanos(b));
}

function nanos(amounts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(amountsOf(amounts)).map(([name, amount]) => [name, String(amount.nanos)]),
  );
}
