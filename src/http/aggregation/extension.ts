import type { RequestOptions } from 'node:https';
import { Agent } from 'node:https';
import type { KeyPair } from '../../access/authn/certificates.ts';
import type { ServiceLookup } from '../../access/webhooks/service-lookup.ts';
import type { RemoteVersion } from '../../api/discovery.ts';
import type { APIService } from '../../api/types.generated.ts';
import { LIMITS } from '../../lib/limits.ts';

/** An extension server that answers for one group and version. */
export class Extension implements RemoteVersion {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly groupPriority: number;
  readonly versionPriority: number;
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number };
  /** As it stood in the last check; before the first, as the object says. */
  isAvailable: boolean;
  resources?: readonly unknown[];
  /** Where its OpenAPI document is, with the hash; undefined for one that has none. */
  openApiUrl: string | undefined;
  readonly #agent: Agent;
  readonly #lookup: ServiceLookup;

  constructor(object: APIService, { identity, lookup }: { identity: KeyPair; lookup: ServiceLookup }) {
    const { spec, metadata, status } = object;
    this.name = metadata?.name ?? '';
    this.group = spec?.group ?? '';
    this.version = spec?.version ?? '';
    this.groupPriority = spec?.groupPriorityMinimum ?? 0;
    this.versionPriority = spec?.versionPriority ?? 0;
    const { name = '', namespace = '', port = 443 } = spec?.service ?? {};
    this.service = { name, namespace, port };
    this.isAvailable = (status?.conditions ?? []).some(
      (one) => one.type === 'Available' && one.status === 'True',
    );
    this.#lookup = lookup;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: LIMITS.extensionSockets,
      maxFreeSockets: LIMITS.extensionIdleSockets,
      timeout: LIMITS.streamIdleMs,
      scheduling: 'lifo',
      cert: identity.certificate,
      key: identity.key,
      // The certificate is for the service's name, wherever the service is served.
      servername: this.host,
      rejectUnauthorized: spec?.insecureSkipTLSVerify !== true,
      ...(spec?.caBundle ? { ca: Buffer.from(spec.caBundle, 'base64').toString('latin1') } : {}),
    });
  }

  /** Its name inside the cluster. */
  get host(): string {
    return `${this.service.name}.${this.service.namespace}.svc`;
  }

  /** Where it is served now. @throws Unavailable */
  async connection(): Promise<RequestOptions> {
    return { ...(await this.#lookup(this.service)), agent: this.#agent };
  }

  close(): void {
    this.#agent.destroy();
  }
}
