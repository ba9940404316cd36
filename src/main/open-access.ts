import { readFile } from 'node:fs/promises';
import { type Auditor, createAuditor } from '../access/audit/audit.ts';
import { openFileSink } from '../access/audit/file-sink.ts';
import { readAuditPolicy } from '../access/audit/policy.ts';
import type { AuditSink } from '../access/audit/sink.ts';
import { webhookSink } from '../access/audit/webhook-sink.ts';
import {
  type AuthenticationConfig,
  readAuthenticationConfig,
} from '../access/authn/authentication-config.ts';
import { oidcTokens } from '../access/authn/oidc/oidc.ts';
import type { TokenVerifier } from '../access/authn/tokens.ts';
import { webhookTokens } from '../access/authn/webhook-tokens.ts';
import type { AuthorizationRule } from '../access/authz/all.ts';
import { webhookAuthorizer } from '../access/authz/webhook.ts';
import type { WebhookCaller } from '../access/webhooks/caller.ts';
import { type WebhookEndpoint, webhookEndpoint } from '../access/webhooks/endpoint.ts';
import { readKubeconfig } from '../client/kubeconfig.ts';
import type { Clock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { AccessConfig } from './access-config.ts';

/** What files add to how the server knows callers, lets them and writes down what they do. */
export interface OpenedAccess {
  /** Asked after those that are built in. */
  readonly verifiers: readonly TokenVerifier[];
  readonly anonymous: AuthenticationConfig['anonymous'];
  readonly authorizer?: AuthorizationRule;
  readonly auditor?: Auditor;
}

interface Parts {
  readonly caller: WebhookCaller;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @throws BadRequest, NotFound with the file that is wrong: a server does not start with less guard than was asked for. */
export async function openAccess(files: AccessConfig, parts: Parts): Promise<OpenedAccess> {
  const { clock, caller } = parts;
  const config =
    files.authenticationConfig === undefined
      ? { issuers: [], anonymous: undefined }
      : readAuthenticationConfig(await readYaml(files.authenticationConfig));
  const tokens = await endpointOf(files.authenticationTokenWebhookConfig);
  const rights = await endpointOf(files.authorizationWebhookConfig);
  const auditor = await openAuditor(files, parts);
  return {
    verifiers: [
      ...(config.issuers.length === 0 ? [] : [oidcTokens(config.issuers, clock)]),
      ...(tokens === undefined ? [] : [webhookTokens({ caller, endpoint: tokens, clock })]),
    ],
    anonymous: config.anonymous,
    ...(rights === undefined ? {} : { authorizer: webhookAuthorizer({ caller, endpoint: rights, clock }) }),
    ...(auditor === undefined ? {} : { auditor }),
  };
}

async function openAuditor(files: AccessConfig, { caller, clock, log }: Parts): Promise<Auditor | undefined> {
  if (files.auditPolicy === undefined) return undefined;
  const policy = readAuditPolicy(await readYaml(files.auditPolicy));
  const sinks: AuditSink[] = [];
  if (files.auditLog !== undefined) sinks.push(await openFileSink({ path: files.auditLog, log }));
  const endpoint = await endpointOf(files.auditWebhookConfig);
  if (endpoint !== undefined) sinks.push(webhookSink({ caller, endpoint, clock, log }));
  return createAuditor({ policy, sinks, clock });
}

/** Where a kubeconfig leads, and who we are there. */
async function endpointOf(path: string | undefined): Promise<WebhookEndpoint | undefined> {
  if (path === undefined) return undefined;
  const { server, ca, cert, key } = await readKubeconfig(path);
  const caBundle = ca === undefined ? '' : Buffer.from(ca).toString('base64');
  const endpoint = webhookEndpoint({ url: server, caBundle });
  return cert === undefined || key === undefined
    ? endpoint
    : { ...endpoint, identity: { certificate: cert, key } };
}

/** The parser is loaded only where there is something to read. */
async function readYaml(path: string): Promise<unknown> {
  try {
    const { decodeYaml } = await import('../http/body/yaml.ts');
    return decodeYaml(await readFile(path)).value;
  } catch (error) {
    throw AmphoraError.during(`reading ${path}`, error);
  }
}
