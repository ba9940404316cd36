import { compareQuantities, formatQuantity, parseQuantity, type Quantity } from '../../api/quantity.ts';
import type { LimitRange, LimitRangeItem } from '../../api/types.generated.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { duplicate, forbidden, invalid, required } from '../field-errors.ts';
import type { Strategy } from '../strategy.ts';

/** https://kubernetes.io/docs/concepts/policy/limit-range/ */
export const limitRanges: Strategy = {
  resource: 'limitranges',
  createOnUpdate: true,
  defaults(object) {
    for (const item of itemsOf(object)) if (item.type === 'Container') containerDefaults(item);
  },
  validate(object) {
    const seen = new Set<string>();
    return itemsOf(object).flatMap((item, index) => {
      const path = `spec.limits[${index}]`;
      const twice = seen.has(item.type) ? [duplicate(`${path}.type`, item.type)] : [];
      seen.add(item.type);
      return [...twice, ...typeFaults(item, path), ...boundFaults(item, path)];
    });
  },
};

function itemsOf(object: Readonly<Record<string, unknown>>): readonly LimitRangeItem[] {
  return (object as unknown as LimitRange).spec?.limits ?? []; // The registry conformed it.
}

/** What is not limited by default is so by the maximum, and what is not requested by default so by what is limited. */
function containerDefaults(item: LimitRangeItem): void {
  const limits = { ...item.max, ...item.default };
  const requests = { ...item.min, ...limits, ...item.defaultRequest };
  if (Object.keys(limits).length > 0) item.default = limits;
  if (Object.keys(requests).length > 0) item.defaultRequest = requests;
}

function typeFaults(item: LimitRangeItem, path: string): ErrorDetail[] {
  const { type } = item;
  if (type === 'Pod')
    return (['default', 'defaultRequest'] as const)
      .filter((field) => Object.keys(item[field] ?? {}).length > 0)
      .map((field) => forbidden(`${path}.${field}`, "may not be specified when `type` is 'Pod'"));
  if (type !== 'PersistentVolumeClaim' || item.min?.storage !== undefined || item.max?.storage !== undefined)
    return [];
  const why = 'either minimum or maximum storage value is required, but neither was provided';
  return [required(`${path}.limits`, why)];
}

type Bound = 'min' | 'max' | 'default' | 'defaultRequest';

const ORDERED: ReadonlyArray<{ readonly less: Bound; readonly more: Bound; readonly at: Bound }> = [
  { less: 'min', more: 'max', at: 'min' },
  { less: 'min', more: 'defaultRequest', at: 'defaultRequest' },
  { less: 'defaultRequest', more: 'max', at: 'defaultRequest' },
  { less: 'defaultRequest', more: 'default', at: 'defaultRequest' },
  { less: 'min', more: 'default', at: 'default' },
  { less: 'default', more: 'max', at: 'default' },
];

const WORDS: Readonly<Record<Bound, string>> = {
  min: 'min',
  max: 'max',
  default: 'default',
  defaultRequest: 'default request',
};

function boundFaults(item: LimitRangeItem, path: string): ErrorDetail[] {
  const faults = ORDERED.flatMap(({ less, more, at }) =>
    Object.keys(item[less] ?? {}).flatMap((name) => {
      const low = quantity(item[less]?.[name]);
      const high = quantity(item[more]?.[name]);
      if (low === undefined || high === undefined || compareQuantities(low, high) <= 0) return [];
      const limit = less === 'defaultRequest' && more === 'default' ? 'default limit' : WORDS[more];
      const why = `${WORDS[less]} value ${formatQuantity(low)} is greater than ${limit} value ${formatQuantity(high)}`;
      return [invalid(`${path}.${at}[${name}]`, formatQuantity(at === less ? low : high), why)];
    }),
  );
  return [...faults, ...ratioFaults(item, path)];
}

function ratioFaults(item: LimitRangeItem, path: string): ErrorDetail[] {
  return Object.entries(item.maxLimitRequestRatio ?? {}).flatMap(([name, text]) => {
    const field = `${path}.maxLimitRequestRatio[${name}]`;
    const ratio = Number(parseQuantity(text).nanos) / 1e9;
    if (ratio < 1) return [invalid(field, text, `ratio ${text} is less than 1`)];
    const min = quantity(item.min?.[name]);
    const max = quantity(item.max?.[name]);
    if (min === undefined || max === undefined || min.nanos === 0n) return [];
    const widest = Number(max.nanos) / Number(min.nanos);
    return ratio > widest
      ? [invalid(field, text, `ratio ${text} is greater than max/min = ${widest.toFixed(6)}`)]
      : [];
  });
}

function quantity(text: string | undefined): Quantity | undefined {
  return text === undefined ? undefined : parseQuantity(text);
}
