import type { KeyPair } from '../../access/authn/certificates.ts';
import type { LiveView } from '../../access/live.ts';
import type { ServiceLookup } from '../../access/webhooks/service-lookup.ts';
import type { APIService, APIServiceCondition } from '../../api/types.generated.ts';
import { type Clock, toTime } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { platformContext } from '../../registry/platform-context.ts';
import type { Registry } from '../../registry/registry.ts';
import { check, type Verdict } from './check.ts';
import { Extension } from './extension.ts';

const RESOURCE = 'apiservices.apiregistration.k8s.io';
const WRITER = { name: 'system:kube-aggregator', uid: '', groups: ['system:masters'], extra: {} };

/** The extension servers that APIServices name. */
export interface Extensions {
  /** Undefined where this server answers itself. */
  find(group: string, version: string): Extension | undefined;
  all(): readonly Extension[];
  /** Looks again and again whether they answer, and says so in their APIServices, until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ExtensionsOptions {
  readonly live: LiveView;
  readonly registry: Registry;
  readonly lookup: ServiceLookup;
  /** The client certificate under which extension servers believe what we say about users. */
  readonly identity: KeyPair;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createExtensions(options: ExtensionsOptions): Extensions {
  return new Known(options);
}

interface Entry {
  readonly spec: string;
  readonly extension: Extension;
  /** Aborts when the APIService is gone or another. */
  readonly ended: AbortController;
}

class Known implements Extensions {
  readonly #options: ExtensionsOptions;
  readonly #entries = new Map<string, Entry>();
  #byVersion: ReadonlyMap<string, Extension> = new Map();
  #start: ((entry: Entry) => void) | undefined;

  constructor(options: ExtensionsOptions) {
    this.#options = options;
    options.live.of(RESOURCE).listen((object, gone) => {
      this.#put(object as unknown as APIService, gone); // The kind's.
    });
  }

  find(group: string, version: string): Extension | undefined {
    return this.#byVersion.size === 0 ? undefined : this.#byVersion.get(`${group}/${version}`);
  }

  all(): readonly Extension[] {
    return [...this.#byVersion.values()];
  }

  async run(signal: AbortSignal): Promise<void> {
    const running = new Set<Promise<void>>();
    this.#start = (entry) => {
      const one = this.#follow(entry, AbortSignal.any([signal, entry.ended.signal])).finally(() =>
        running.delete(one),
      );
      running.add(one);
    };
    for (const entry of this.#entries.values()) this.#start(entry);
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await Promise.all(running);
    for (const { extension } of this.#entries.values()) extension.close();
  }

  #put(object: APIService, gone: boolean): void {
    const name = object.metadata?.name ?? '';
    const known = this.#entries.get(name);
    const spec = JSON.stringify(object.spec);
    if (known !== undefined && !gone && known.spec === spec) return;
    if (known !== undefined) {
      this.#entries.delete(name);
      known.ended.abort();
      known.extension.close();
    }
    if (!gone && object.spec?.service !== undefined) {
      const entry = { spec, extension: new Extension(object, this.#options), ended: new AbortController() };
      this.#entries.set(name, entry);
      this.#start?.(entry);
    }
    this.#byVersion = new Map(
      [...this.#entries.values()].map(({ extension }) => [
        `${extension.group}/${extension.version}`,
        extension,
      ]),
    );
  }

  /** Often while it does not answer, seldom while it does. */
  async #follow({ extension }: Entry, signal: AbortSignal): Promise<void> {
    const { live, clock, log } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const verdict = await check(extension, live, signal);
      if (signal.aborted) return;
      extension.isAvailable = verdict.isAvailable;
      if (!verdict.isAvailable) delete extension.resources;
      await this.#write(extension.name, verdict, signal).catch((error: unknown) => {
        if (!signal.aborted)
          log.warn({ error, apiService: extension.name }, 'the availability cannot be written');
      });
      failures = verdict.isAvailable ? 0 : failures + 1;
      const pause = verdict.isAvailable
        ? LIMITS.extensionRecheckMs
        : Math.min(LIMITS.extensionRetryMs * 2 ** Math.min(failures, 16), LIMITS.extensionRetryMaxMs);
      await clock.sleep(pause, signal).catch(() => {});
    }
  }

  async #write(name: string, verdict: Verdict, signal: AbortSignal): Promise<void> {
    const { live, registry, clock } = this.#options;
    const object = live.of(RESOURCE).get('', name);
    const kind = registry.kinds.byKind('apiregistration.k8s.io/v1', 'APIService');
    if (object === undefined || kind === undefined) return;
    const { status } = object as unknown as APIService; // The kind's.
    const conditions = conditionsWith(status?.conditions ?? [], { ...verdict, now: toTime(clock.now()) });
    if (conditions === undefined) return;
    const changed = structuredClone({ ...object, status: { ...status, conditions } });
    const target = { kind, namespace: '', name, subresource: 'status' };
    await registry.update(platformContext(WRITER, signal), target, changed).catch((error: unknown) => {
      // Somebody else wrote: the next check says it again.
      if (!isCode(error, 'Conflict', 'NotFound')) throw error;
    });
  }
}

/** Undefined when they say so already. */
function conditionsWith(
  before: readonly APIServiceCondition[],
  { isAvailable, reason, message, now }: Verdict & { readonly now: string },
): APIServiceCondition[] | undefined {
  const status = isAvailable ? 'True' : 'False';
  const known = before.find(({ type }) => type === 'Available');
  if (known?.status === status && known.reason === reason && known.message === message) return undefined;
  const lastTransitionTime = known?.status === status ? (known.lastTransitionTime ?? now) : now;
  const made = { type: 'Available', status, reason, message, lastTransitionTime };
  return [...before.filter(({ type }) => type !== 'Available'), made];
}
