import { equalJson, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { forbidden, invalid } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';
import { qosClass } from './defaults.ts';

const MIRROR = 'kubernetes.io/config.mirror';

/** A write to `/resize` changes what containers ask for, and nothing else. */
export function keepAllButResources(pod: ApiObject, old: Readonly<ApiObject>): void {
  const asked = part(pod, 'spec');
  const spec: JsonObject = { ...part(old, 'spec') };
  for (const list of ['containers', 'initContainers'] as const) {
    if (spec[list] === undefined) continue;
    spec[list] = items(spec, list).map((container) => {
      const sidecar = list === 'containers' || container.restartPolicy === 'Always';
      const next = items(asked, list).find((one) => one.name === container.name);
      if (next === undefined || !sidecar) return container;
      const { resources: _resources, resizePolicy: _policy, ...kept } = container;
      return {
        ...kept,
        ...(next.resources === undefined ? {} : { resources: next.resources }),
        ...(next.resizePolicy === undefined ? {} : { resizePolicy: next.resizePolicy }),
      };
    });
  }
  pod.spec = spec;
  pod.metadata = { ...old.metadata };
  pod.status = old.status;
}

/** What upstream's ValidatePodResize refuses. */
export function validateResize(pod: Readonly<ApiObject>, old: Readonly<ApiObject>): ErrorDetail[] {
  if (old.metadata.annotations?.[MIRROR] !== undefined)
    return [forbidden('', 'static pods cannot be resized')];
  const next = part(pod, 'spec');
  const before = part(old, 'spec');
  const details: ErrorDetail[] = [];
  const quality = qosClass(next);
  if (quality !== qosClass(before))
    details.push(invalid('spec', quality, 'Pod QOS Class may not change as a result of resizing'));
  for (const list of ['containers', 'initContainers'] as const) {
    const earlier = items(before, list);
    for (const [index, container] of items(next, list).entries())
      details.push(...validateChange(container, earlier[index] ?? {}, `spec.${list}[${index}]`));
  }
  return details;
}

function validateChange(container: JsonObject, before: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  for (const list of ['limits', 'requests'] as const) {
    const now = part(part(container, 'resources'), list);
    const was = part(part(before, 'resources'), list);
    const fixed = (amounts: JsonObject) =>
      Object.fromEntries(Object.entries(amounts).filter(([name]) => name !== 'cpu' && name !== 'memory'));
    if (!equalJson(fixed(now), fixed(was)))
      details.push(forbidden('spec', 'only cpu and memory resources are mutable'));
    for (const name of ['cpu', 'memory'])
      if (was[name] !== undefined && now[name] === undefined)
        details.push(forbidden(`${path}.resources.${list}`, `resource ${list} cannot be removed`));
  }
  if (text(container, 'name') !== text(before, 'name'))
    details.push(forbidden('spec', 'containers may not be renamed or reordered on resize'));
  return details;
}
