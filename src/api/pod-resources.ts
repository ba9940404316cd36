import { addQuantities, compareQuantities, parseQuantity, type Quantity } from './quantity.ts';
import type { Container, PodSpec } from './types.generated.ts';

/** Exact amounts by the name of the resource. */
export type Amounts = Readonly<Record<string, Quantity>>;

/** @throws BadRequest for what is no quantity. */
export function amountsOf(quantities: Readonly<Record<string, string>> | undefined): Amounts {
  const amounts: Record<string, Quantity> = {};
  for (const [name, text] of Object.entries(quantities ?? {})) amounts[name] = parseQuantity(text);
  return amounts;
}

export function addAmounts(a: Amounts, b: Amounts): Amounts {
  return combined(a, b, addQuantities);
}

function maxAmounts(a: Amounts, b: Amounts): Amounts {
  return combined(a, b, (one, other) => (compareQuantities(one, other) < 0 ? other : one));
}

function combined(a: Amounts, b: Amounts, join: (one: Quantity, other: Quantity) => Quantity): Amounts {
  const result: Record<string, Quantity> = { ...a };
  for (const [name, amount] of Object.entries(b)) {
    const known = Object.hasOwn(result, name) ? result[name] : undefined;
    result[name] = known === undefined ? amount : join(known, amount);
  }
  return result;
}

/**
 * What a pod asks for, or may take, as a whole: its containers together with its sidecars, or the largest of its init
 * containers beside the sidecars that started before it, whichever is more; what it says for the pod itself instead;
 * its overhead on top (of limits only where there is a limit).
 * https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
 */
export function podAmounts(spec: PodSpec, which: 'requests' | 'limits'): Amounts {
  const of = ({ resources }: Container): Amounts => amountsOf(resources?.[which]);
  let running: Amounts = {};
  let starting: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') running = addAmounts(running, of(container));
    const now = container.restartPolicy === 'Always' ? running : addAmounts(running, of(container));
    starting = maxAmounts(starting, now);
  }
  for (const container of spec.containers ?? []) running = addAmounts(running, of(container));
  const whole = { ...maxAmounts(running, starting), ...amountsOf(spec.resources?.[which]) };
  const overhead = amountsOf(spec.overhead);
  if (which === 'requests') return addAmounts(whole, overhead);
  const limited = Object.entries(overhead).filter(([name]) => Object.hasOwn(whole, name));
  return addAmounts(whole, Object.fromEntries(limited));
}
