import { AmphoraError } from '../../lib/errors.ts';
import type { KeyPair } from '../authn/certificates.ts';

/** WebhookClientConfig, of admission and of CRD conversion alike. */
export interface WebhookClientConfig {
  readonly url?: string;
  readonly service?: ServiceReference;
  /** Base64 of PEM; left out: the host's own roots. */
  readonly caBundle?: string;
}

export interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
  readonly path?: string;
  /** 443 if left out. */
  readonly port?: number;
}

/** Where to call, made once from a configuration. */
export interface WebhookEndpoint {
  /** Name or address without brackets: where to connect, unless a service says so, and what the certificate names. */
  readonly host: string;
  readonly port: number;
  /** `Host:`, as the configuration has it. */
  readonly authority: string;
  /** With the query. */
  readonly path: string;
  /** Looked up for each call; left out where the URL names the host. */
  readonly service?: ServiceReference & { readonly port: number };
  /** PEM; undefined: the host's own roots. */
  readonly ca?: string;
  /** Who we are, where the webhook wants to know. */
  readonly identity?: KeyPair;
}

/** Where to connect. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const HTTPS_PORT = 443;

/** @throws BadRequest for a configuration that names no HTTPS server. */
export function webhookEndpoint(config: WebhookClientConfig): WebhookEndpoint {
  const { caBundle = '', service } = config;
  const ca = caBundle === '' ? {} : { ca: Buffer.from(caBundle, 'base64').toString('latin1') };
  if (service === undefined) return { ...parse(config.url ?? ''), ...ca };
  const { namespace, name, path = '', port = HTTPS_PORT } = service;
  const authority = `${name}.${namespace}.svc:${port}`;
  const parsed = parse(`https://${authority}${path.startsWith('/') ? '' : '/'}${path}`);
  return { ...parsed, authority, service: { ...service, port }, ...ca };
}

function parse(text: string): Pick<WebhookEndpoint, 'host' | 'port' | 'authority' | 'path'> {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:')
    throw new AmphoraError('BadRequest', `a webhook is called by an https URL, not ${JSON.stringify(text)}`);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? HTTPS_PORT : Number(url.port),
    authority: url.host,
    path: `${url.pathname}${url.search}`,
  };
}
