import { isJsonObject, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { LIMITS } from '../../lib/limits.ts';
import { objectsAt, textAt } from '../admission/fields.ts';
import type { Address } from './endpoint.ts';

/** The pods of a namespace, read when a service has no endpoints of its own. */
export type ListPods = (namespace: string) => Promise<readonly Readonly<ApiObject>[]>;

/** The ready pods that services select, remembered for a moment: a call looks them up each time. */
export class SelectedPods {
  readonly #listPods: ListPods;
  readonly #known = new Map<
    string,
    { readonly until: number; readonly found: Promise<readonly Address[]> }
  >();

  constructor(listPods: ListPods) {
    this.#listPods = listPods;
  }

  /** @param port one of the service's */
  of(service: Readonly<ApiObject>, port: JsonObject): Promise<readonly Address[]> {
    const { uid = '', resourceVersion = '' } = service.metadata;
    const key = `${uid}/${resourceVersion}/${String(port.port)}`;
    const now = performance.now();
    const known = this.#known.get(key);
    if (known !== undefined && known.until > now) return known.found;
    if (this.#known.size >= LIMITS.webhookServices) this.#known.clear();
    const found = this.#find(service, port);
    this.#known.set(key, { until: now + LIMITS.webhookPodsFreshMs, found });
    return found;
  }

  async #find(service: Readonly<ApiObject>, port: JsonObject): Promise<readonly Address[]> {
    const selector = isJsonObject(service.spec) ? service.spec.selector : undefined;
    if (!isJsonObject(selector) || Object.keys(selector).length === 0) return [];
    const pods = await this.#listPods(service.metadata.namespace ?? '');
    return pods
      .filter((pod) => isSelected(pod, selector) && isReady(pod))
      .flatMap((pod) => addressOf(pod, port));
  }
}

function isSelected({ metadata }: Readonly<ApiObject>, selector: JsonObject): boolean {
  const { labels = {} } = metadata;
  return Object.entries(selector).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
}

function isReady({ metadata, status }: Readonly<ApiObject>): boolean {
  if (metadata.deletionTimestamp !== undefined || !isJsonObject(status)) return false;
  return objectsAt(status, 'conditions').some((one) => one.type === 'Ready' && one.status === 'True');
}

function addressOf({ spec, status }: Readonly<ApiObject>, { port, targetPort }: JsonObject): Address[] {
  const host = isJsonObject(status) ? textAt(status, 'podIP') : '';
  const target = targetPort ?? port;
  const number = typeof target === 'number' ? target : portNamed(spec, String(target));
  return host === '' || number === undefined ? [] : [{ host, port: number }];
}

function portNamed(spec: unknown, name: string): number | undefined {
  const containers = isJsonObject(spec) ? objectsAt(spec, 'containers') : [];
  const found = containers
    .flatMap((container) => objectsAt(container, 'ports'))
    .find((port) => textAt(port, 'name') === name);
  return typeof found?.containerPort === 'number' ? found.containerPort : undefined;
}
