import { createAdmission } from '../access/admission/admission.ts';
import { admissionPlugins } from '../access/admission/all.ts';
import type { Auditor } from '../access/audit/audit.ts';
import { createAuthenticator } from '../access/authn/authenticator.ts';
import { bootstrapTokens } from '../access/authn/bootstrap-tokens.ts';
import { frontProxy } from '../access/authn/front-proxy.ts';
import type { KeyFiles } from '../access/authn/key-files.ts';
import type { Pki } from '../access/authn/pki.ts';
import {
  createServiceAccountTokens,
  type ServiceAccountTokens,
} from '../access/authn/service-account-tokens.ts';
import type { SigningKeys } from '../access/authn/signing-keys.ts';
import { anyVerifier } from '../access/authn/tokens.ts';
import { createAuthorizer } from '../access/authz/all.ts';
import type { Authorizer } from '../access/authz/authorizer.ts';
import { createRbac } from '../access/authz/rbac/rbac.ts';
import { createWebhookCaller, type WebhookCaller } from '../access/webhooks/caller.ts';
import { createServiceLookup } from '../access/webhooks/service-lookup.ts';
import { createKindTable } from '../api/kinds.ts';
import { createTablePrinter } from '../api/printers/table.ts';
import { createProtobufCodec } from '../api/protobuf/codec.ts';
import { createInProcessClient, type InProcessOptions } from '../client/in-process-client.ts';
import { createExtensions, type Extensions } from '../http/aggregation/extensions.ts';
import { createFairness } from '../http/fairness/fairness.ts';
import { createServerMetrics } from '../http/metrics/server-metrics.ts';
import { createNodeGraph } from '../http/nodes/graph.ts';
import { reviewHooks } from '../http/reviews/all.ts';
import { createDocuments } from '../http/routes/kind-documents.ts';
import { type ApiServer, createApiServer } from '../http/server.ts';
import { createNodeTunnels, type NodeTunnels } from '../http/tunnel/node-tunnels.ts';
import { createPeerTunnels } from '../http/tunnel/peer-tunnels.ts';
import type { Clock } from '../lib/clock.ts';
import { LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { serveCustomKinds } from '../registry/custom-kinds.ts';
import { findObject } from '../registry/find-object.ts';
import { createRegistry } from '../registry/generic.ts';
import { listPods } from '../registry/list-pods.ts';
import { createLiveView, type FollowedView } from '../registry/live.ts';
import type { Registry } from '../registry/registry.ts';
import { measured } from '../store/measured.ts';
import type { Store } from '../store/store.ts';
import type { AccessConfig } from './access-config.ts';
import { FRONT_PROXY } from './extension-authentication.ts';
import { type OpenedAccess, openAccess } from './open-access.ts';
import { createPeers } from './peers.ts';
import { openServerKeys } from './server-keys.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';

export interface ApiParts {
  readonly store: Store;
  /** Where the certificate authority and the token key are. */
  readonly keys: KeyFiles;
  /** `https://host:port` at which the other servers of the same store reach this one; left out where there are none. */
  readonly url?: string;
  readonly access?: AccessConfig;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The API, wired: what http serves, and what in-process clients call. */
export interface Api {
  readonly registry: Registry;
  readonly authorizer: Authorizer;
  readonly server: ApiServer;
  readonly nodes: NodeTunnels;
  readonly tokens: ServiceAccountTokens;
  readonly pki: Pki;
  /** Loaded; to be followed as long as the server runs. */
  readonly live: FollowedView;
  readonly extensions: Extensions;
  /** PEM of the authority of the certificate under which we speak to extension servers. */
  readonly frontProxyCa: string;
  readonly auditor: Auditor | undefined;
  /** Closed with the server. */
  readonly webhooks: WebhookCaller;
}

export async function createApi(parts: ApiParts): Promise<Api> {
  const { keys, clock, log } = parts;
  const { store, metric } = measured(parts.store);
  const { pki, signing, ...own } = await openServerKeys(keys);
  const live = createLiveView({ registry: () => registry, clock, log });
  const lookup = createServiceLookup(live, (namespace) => listPods(registry, namespace));
  const webhooks = createWebhookCaller(lookup);
  const rbac = createRbac(live);
  const access = await openAccess(parts.access ?? {}, { caller: webhooks, clock, log });
  const registry: Registry = createRegistry({
    store,
    kinds: createKindTable(),
    admission: createAdmission(
      admissionPlugins({
        live,
        caller: webhooks,
        log,
        access: { authorizer: () => authorizer, rbac, clock },
      }),
    ),
    clock,
    live,
    // Both are made below, from this registry; nobody asks before they are there.
    hooks: {
      webhooks,
      review: reviewHooks({
        authorizer: () => authorizer,
        verifyToken: (token, options) => verifyToken(token, options),
        rbac,
        hasAuthorizationWebhook: access.authorizer !== undefined,
      }),
    },
  });
  serveCustomKinds(registry.kinds, { live, log });
  const authorizer = createAuthorizer({
    graph: createNodeGraph(registry),
    rbac,
    ...(access.authorizer === undefined ? {} : { webhook: access.authorizer }),
  });
  const { tokens, verifyToken, authenticator } = createAuthentication(signing, { clock, registry, access });
  const nodes = await createTunnels(parts, pki, () => ({ registry, authorizer }));
  const fairness = createFairness(live);
  const identity = own.frontProxy;
  const extensions = createExtensions({ live, registry, lookup, identity, clock, log });
  await live.load(AbortSignal.timeout(LIMITS.requestMs));
  const server = createApiServer({
    registry,
    authenticator,
    authorizer,
    log,
    tokens,
    documents: createDocuments({ kinds: registry.kinds, extensions }),
    tableOf: createTablePrinter(() => clock.now()),
    protobuf: createProtobufCodec(),
    nodes,
    fairness,
    metrics: createServerMetrics(fairness, [metric]),
    extensions,
    ...(access.auditor === undefined ? {} : { audit: access.auditor }),
    checks: { store: (signal) => checkStore(store, signal) },
    tls: { ...own.server, clientCa: pki.caCertificate, proxyCa: own.frontProxyCa },
  });
  return {
    registry,
    authorizer,
    server,
    nodes,
    pki,
    tokens,
    live,
    extensions,
    frontProxyCa: own.frontProxyCa,
    auditor: access.auditor,
    webhooks,
  };
}

function createAuthentication(
  keys: SigningKeys,
  parts: { readonly clock: Clock; readonly registry: Registry; readonly access: OpenedAccess },
) {
  const { clock, registry, access } = parts;
  const find = findObject(registry);
  const tokens = createServiceAccountTokens({ keys, issuer: ISSUER, clock, find });
  const bootstrap = bootstrapTokens({ find, clock });
  const verifyToken = anyVerifier([tokens.verify, bootstrap, ...access.verifiers]);
  const authenticator = createAuthenticator({
    tokens: verifyToken,
    proxy: frontProxy(new Set([FRONT_PROXY])),
    ...(access.anonymous === undefined ? {} : { allowsAnonymous: access.anonymous }),
  });
  return { tokens, verifyToken, authenticator };
}

/** The server itself, to whom its own store is open. */
const SERVER = { name: 'system:apiserver', uid: '', groups: ['system:masters'], extra: {} };

/** Where several servers share a store, those of the others are reached through them. */
async function createTunnels(
  { url, log, clock }: ApiParts,
  pki: Pki,
  api: () => Pick<InProcessOptions, 'registry' | 'authorizer'>,
): Promise<NodeTunnels> {
  const own = createNodeTunnels({ log });
  if (url === undefined) return own;
  const client = () => createInProcessClient({ ...api(), user: SERVER });
  return createPeerTunnels(own, await createPeers({ pki, url, client, clock }));
}

/** A health check is asked by who will not wait long. */
async function checkStore(store: Store, signal: AbortSignal): Promise<void> {
  await store.revision(AbortSignal.any([signal, AbortSignal.timeout(LIMITS.storeCheckMs)]));
}
