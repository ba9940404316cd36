import { type Amounts, amountsOf, podAmounts } from '../../../api/pod-resources.ts';
import { compareQuantities, formatQuantity, parseQuantity, type Quantity } from '../../../api/quantity.ts';
import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
} from '../../../api/types.generated.ts';
import type { LiveObjects } from '../../live.ts';
import { byNamespace } from '../../live-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { createsPod, forbidden } from '../faults.ts';

const ANNOTATION = 'kubernetes.io/limit-ranger';

/**
 * Containers get the defaults of their namespace's LimitRanges, and stay within their bounds.
 * https://kubernetes.io/docs/concepts/policy/limit-range/
 */
export function limitRanger(limitRanges: LiveObjects): AdmissionPlugin {
  const inNamespace = byNamespace(limitRanges);
  const itemsFor = (request: AdmissionRequest) =>
    (inNamespace(request.namespace) as readonly unknown[] as readonly LimitRange[]).map(
      (range) => range.spec?.limits ?? [],
    );
  return {
    name: 'LimitRanger',
    handles: (request) => isLimited(request) && inNamespace(request.namespace).length > 0,
    async mutate(request) {
      if (!createsPod(request)) return;
      const pod = request.object as unknown as Pod; // The registry conformed it.
      for (const items of itemsFor(request)) setDefaults(pod, items);
    },
    async validate(request) {
      for (const items of itemsFor(request)) {
        const wrong =
          request.kind.resource === 'pods' ? podFaults(request, items) : claimFaults(request, items);
        if (wrong.length === 0) continue;
        throw forbidden(request, wrong.length === 1 ? String(wrong[0]) : `[${wrong.join(', ')}]`);
      }
    },
  };
}

function isLimited({ kind, operation, subresource, old }: AdmissionRequest): boolean {
  if (kind.group !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return false;
  if (operation === 'UPDATE' && old?.metadata.deletionTimestamp !== undefined) return false;
  if (kind.resource === 'pods') return operation === 'CREATE' ? subresource === '' : subresource === 'resize';
  return kind.resource === 'persistentvolumeclaims' && subresource === '';
}

function setDefaults(pod: Pod, items: readonly LimitRangeItem[]): void {
  const limits: Record<string, string> = {};
  const requests: Record<string, string> = {};
  for (const item of items) {
    if (item.type !== 'Container') continue;
    Object.assign(requests, item.defaultRequest);
    Object.assign(limits, item.default);
  }
  const notes: string[] = [];
  for (const container of pod.spec?.containers ?? [])
    notes.push(...fill(container, { limits, requests, prefix: 'container' }));
  for (const container of pod.spec?.initContainers ?? [])
    notes.push(...fill(container, { limits, requests, prefix: 'init container' }));
  if (notes.length === 0) return;
  const metadata = pod.metadata ?? {};
  metadata.annotations = {
    ...metadata.annotations,
    [ANNOTATION]: `LimitRanger plugin set: ${notes.join('; ')}`,
  };
}

/** @returns what was set, as the annotation words it */
function fill(
  container: Container,
  defaults: {
    readonly limits: Readonly<Record<string, string>>;
    readonly requests: Readonly<Record<string, string>>;
    readonly prefix: string;
  },
): string[] {
  const notes: string[] = [];
  for (const [which, word] of [
    ['requests', 'request'],
    ['limits', 'limit'],
  ] as const) {
    const own = container.resources?.[which] ?? {};
    const missing = Object.keys(defaults[which]).filter((name) => !Object.hasOwn(own, name));
    if (missing.length === 0) continue;
    container.resources = { ...container.resources, [which]: { ...defaults[which], ...own } };
    notes.push(`${missing.sort().join(', ')} ${word} for ${defaults.prefix} ${container.name}`);
  }
  return notes;
}

function podFaults(request: AdmissionRequest, items: readonly LimitRangeItem[]): string[] {
  const { spec } = request.object as unknown as Pod; // As in mutate().
  if (spec === undefined) return [];
  return items.flatMap((item) => {
    if (item.type === 'Container')
      return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources }) =>
        itemFaults(item, { requests: amountsOf(resources?.requests), limits: amountsOf(resources?.limits) }),
      );
    if (item.type !== 'Pod') return [];
    return itemFaults(item, { requests: podAmounts(spec, 'requests'), limits: podAmounts(spec, 'limits') });
  });
}

interface Used {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

function itemFaults(item: LimitRangeItem, used: Used): string[] {
  return [
    ...each(item.min, (name, bound) => minFault(item.type, { name, bound, used })),
    ...each(item.max, (name, bound) => maxFault(item.type, { name, bound, used })),
    ...each(item.maxLimitRequestRatio, (name, bound) => ratioFault(item.type, { name, bound, used })),
  ];
}

function each(
  bounds: Readonly<Record<string, string>> | undefined,
  check: (name: string, bound: Quantity) => string | undefined,
): string[] {
  return Object.entries(bounds ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, text]) => check(name, parseQuantity(text)) ?? []);
}

interface Bound {
  readonly name: string;
  readonly bound: Quantity;
  readonly used: Used;
}

function amount(of: Amounts, name: string): Quantity | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}

function minFault(type: string, { name, bound, used }: Bound): string | undefined {
  const said = `minimum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  const request = amount(used.requests, name);
  const limit = amount(used.limits, name);
  if (request === undefined) return `${said}.  No request is specified`;
  if (compareQuantities(request, bound) < 0) return `${said}, but request is ${formatQuantity(request)}`;
  if (limit !== undefined && compareQuantities(limit, bound) < 0)
    return `${said}, but limit is ${formatQuantity(limit)}`;
  return undefined;
}

function maxFault(type: string, { name, bound, used }: Bound): string | undefined {
  const said = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  const request = amount(used.requests, name);
  const limit = amount(used.limits, name);
  if (limit === undefined) return `${said}.  No limit is specified`;
  if (compareQuantities(limit, bound) > 0) return `${said}, but limit is ${formatQuantity(limit)}`;
  if (request !== undefined && compareQuantities(request, bound) > 0)
    return `${said}, but request is ${formatQuantity(request)}`;
  return undefined;
}

function ratioFault(type: string, { name, bound, used }: Bound): string | undefined {
  const said = `${name} max limit to request ratio per ${type} is ${formatQuantity(bound)}`;
  const request = amount(used.requests, name);
  const limit = amount(used.limits, name);
  if (request === undefined || request.nanos === 0n)
    return `${said}, but no request is specified or request is 0`;
  if (limit === undefined || limit.nanos === 0n) return `${said}, but no limit is specified or limit is 0`;
  const ratio = Number(limit.nanos) / Number(request.nanos);
  return ratio > Number(bound.nanos) / 1e9 ? `${said}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}

function claimFaults(request: AdmissionRequest, items: readonly LimitRangeItem[]): string[] {
  const { spec } = request.object as unknown as PersistentVolumeClaim; // As in mutate().
  const requests = amountsOf(spec?.resources?.requests);
  return items
    .filter(({ type }) => type === 'PersistentVolumeClaim')
    .flatMap((item) => [
      ...each(item.min, (name, bound) =>
        minFault(item.type, { name, bound, used: { requests, limits: {} } }),
      ),
      ...each(item.max, (name, bound) => {
        const asked = amount(requests, name);
        const said = `maximum ${name} usage per ${item.type} is ${formatQuantity(bound)}`;
        if (asked === undefined) return `${said}.  No request is specified`;
        return compareQuantities(asked, bound) > 0
          ? `${said}, but request is ${formatQuantity(asked)}`
          : undefined;
      }),
    ]);
}
