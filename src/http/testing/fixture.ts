import { mkdtemp, rm } from 'node:fs/promises';
import { type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccessParts } from '../../access/admission/access-parts.ts';
import { type AdmissionPlugin, createAdmission } from '../../access/admission/admission.ts';
import type { Auditor } from '../../access/audit/audit.ts';
import { createAuthenticator } from '../../access/authn/authenticator.ts';
import { bootstrapTokens } from '../../access/authn/bootstrap-tokens.ts';
import type { KeyPair } from '../../access/authn/certificates.ts';
import { frontProxy } from '../../access/authn/front-proxy.ts';
import { keyFilesIn } from '../../access/authn/key-files.ts';
import { openPki, type Pki } from '../../access/authn/pki.ts';
import { createServiceAccountTokens } from '../../access/authn/service-account-tokens.ts';
import { openSigningKeys } from '../../access/authn/signing-keys.ts';
import { anyVerifier, type TokenVerifier } from '../../access/authn/tokens.ts';
import { type AuthorizationRule, createAuthorizer } from '../../access/authz/all.ts';
import { planDefaults } from '../../access/authz/bootstrap/plan.ts';
import { createRbac } from '../../access/authz/rbac/rbac.ts';
import type { LiveView } from '../../access/live.ts';
import { createWebhookCaller } from '../../access/webhooks/caller.ts';
import { createServiceLookup } from '../../access/webhooks/service-lookup.ts';
import { createKindTable } from '../../api/kinds.ts';
import { createTablePrinter } from '../../api/printers/table.ts';
import { createProtobufCodec } from '../../api/protobuf/codec.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { serveCustomKinds } from '../../registry/custom-kinds.ts';
import { findObject } from '../../registry/find-object.ts';
import { createLiveView } from '../../registry/live.ts';
import type { Registry } from '../../registry/registry.ts';
import { bench, contextOf, kindOf } from '../../registry/testing/bench.ts';
import type { Store } from '../../store/store.ts';
import { createExtensions } from '../aggregation/extensions.ts';
import { createFairness } from '../fairness/fairness.ts';
import { createServerMetrics } from '../metrics/server-metrics.ts';
import { createNodeGraph } from '../nodes/graph.ts';
import { reviewHooks } from '../reviews/all.ts';
import { createDocuments } from '../routes/kind-documents.ts';
import { type ApiServer, createApiServer } from '../server.ts';
import { createNodeTunnels, type NodeTunnels } from '../tunnel/node-tunnels.ts';

export interface Fixture extends AsyncDisposable {
  readonly server: ApiServer;
  readonly registry: Registry;
  readonly live: LiveView;
  readonly nodes: NodeTunnels;
  readonly pki: Pki;
  /** Of the certificate under which the server speaks to extension servers; PEM. */
  readonly frontProxyCa: string;
  readonly directory: string;
  readonly port: number;
  readonly admin: KeyPair;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
}

export interface CallOptions {
  /** JSON unless it is a string or a buffer. */
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Left out: the administrator; `null`: none. */
  readonly as?: KeyPair | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly bytes: Buffer;
  json<T = Record<string, unknown>>(): T;
}

export interface FixtureOptions {
  readonly requestHeaderMs?: number;
  plugins?:
    | readonly AdmissionPlugin[]
    | ((live: LiveView, access: AccessParts) => readonly AdmissionPlugin[]);
  pingMs?: number;
  store?: Store;
  /** Requests served at once. */
  seats?: number;
  /** Asked after the server's own. */
  verifiers?: readonly TokenVerifier[];
  webhook?: AuthorizationRule;
  audit?: Auditor;
}

/** A whole API server over a store in memory, on a free port. */
export async function startFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), 'amphora-http-'));
  const pki = await openPki({ keys: keyFilesIn(join(directory, 'pki')), clock: systemClock });
  const log = silentLogger();
  const live = createLiveView({ registry: () => registry, clock: systemClock, log });
  const rbac = createRbac(live);
  const webhooks = createWebhookCaller(createServiceLookup(live));
  const { plugins = [] } = options;
  const access: AccessParts = { authorizer: () => authorizer, rbac, clock: systemClock };
  const { registry }: { registry: Registry } = bench({
    ...(options.store === undefined ? {} : { store: options.store }),
    kinds: createKindTable(),
    live,
    hooks: {
      webhooks,
      review: reviewHooks({
        authorizer: () => authorizer,
        verifyToken: (token, asked) => verifyToken(token, asked),
        rbac,
      }),
    },
    admission: createAdmission(typeof plugins === 'function' ? plugins(live, access) : plugins),
  });
  await createNamespace(registry, 'default');
  const stop = new AbortController();
  serveCustomKinds(registry.kinds, { live, log });
  const nodes = createNodeTunnels(options.pingMs === undefined ? { log } : { log, pingMs: options.pingMs });
  const { tokens, verifyToken, authenticator } = await authentication(directory, { registry, options });
  const authorizer = createAuthorizer({ graph: createNodeGraph(registry), rbac, ...webhookOf(options) });
  const { extensions, frontProxyCa } = await extensionsOf(directory, { live, registry });
  const fairness = createFairness(live, options.seats === undefined ? {} : { seats: options.seats });
  const server = createApiServer({
    registry,
    authenticator,
    authorizer,
    log,
    tokens,
    documents: createDocuments({ kinds: registry.kinds, extensions }),
    tableOf: createTablePrinter(() => systemClock.now()),
    nodes,
    extensions,
    fairness,
    metrics: createServerMetrics(fairness),
    protobuf: createProtobufCodec(),
    checks: { ping: async () => {} },
    tls: { ...(await pki.server()), clientCa: pki.caCertificate, proxyCa: frontProxyCa },
    ...(options.audit === undefined ? {} : { audit: options.audit }),
    ...(options.requestHeaderMs === undefined ? {} : { requestHeaderMs: options.requestHeaderMs }),
  });
  await createDefaultRoles(registry, live);
  await live.load(stop.signal);
  const following = Promise.all([live.follow(stop.signal), extensions.run(stop.signal)]);
  const { port } = await server.listen(0, '127.0.0.1');
  const admin = await pki.client('admin', { user: 'admin', groups: ['system:masters'] });
  return {
    server,
    registry,
    live,
    nodes,
    pki,
    frontProxyCa,
    directory,
    port,
    admin,
    call: (method, path, options = {}) => call({ method, path, port, ca: pki.caCertificate, admin }, options),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await following;
      nodes.close();
      webhooks.close();
      await server.close();
      await rm(directory, { recursive: true });
    },
  };
}

const PROXY_NAME = 'front-proxy-client';

async function extensionsOf(directory: string, parts: { live: LiveView; registry: Registry }) {
  const proxies = await openPki({ keys: keyFilesIn(join(directory, 'front-proxy')), clock: systemClock });
  const name = PROXY_NAME;
  const extensions = createExtensions({
    ...parts,
    lookup: createServiceLookup(parts.live),
    identity: await proxies.client(name, { user: name, groups: [] }),
    clock: systemClock,
    log: silentLogger(),
  });
  return { extensions, frontProxyCa: proxies.caCertificate };
}

async function authentication(
  directory: string,
  { registry, options }: { registry: Registry; options: FixtureOptions },
) {
  const clock = systemClock;
  const find = findObject(registry);
  const keys = await openSigningKeys(keyFilesIn(join(directory, 'pki')));
  const issuer = 'https://kubernetes.default.svc.cluster.local';
  const tokens = createServiceAccountTokens({ keys, issuer, clock, find });
  const { verifiers = [] } = options;
  const verifyToken = anyVerifier([tokens.verify, bootstrapTokens({ find, clock }), ...verifiers]);
  const proxy = frontProxy(new Set([PROXY_NAME]));
  return { tokens, verifyToken, authenticator: createAuthenticator({ tokens: verifyToken, proxy }) };
}

function webhookOf({ webhook }: FixtureOptions) {
  return webhook === undefined ? {} : { webhook };
}

/** Those of the cluster: the namespaces of the others are not here. */
async function createDefaultRoles(registry: Registry, live: LiveView): Promise<void> {
  const steps = planDefaults(live).filter(({ object }) => object.metadata.namespace === undefined);
  for (const { resource, object } of steps) {
    const kind = kindOf('rbac.authorization.k8s.io', 'v1', resource);
    await registry.create(contextOf(), { kind, namespace: '' }, object);
  }
}

/** A pod that is bound to a node, as the scheduler leaves it. */
export async function createPod(registry: Registry, name: string, node: string): Promise<void> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { nodeName: node, containers: [{ name: 'main', image: 'registry.example/app:1' }] },
  };
  await registry.create(contextOf(), { kind: kindOf('', 'v1', 'pods'), namespace: 'default' }, pod);
}

async function createNamespace(registry: Registry, name: string): Promise<void> {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  await registry.create(contextOf(), { kind: kindOf('', 'v1', 'namespaces'), namespace: '' }, namespace);
}

function call(
  at: { method: string; path: string; port: number; ca: string; admin: KeyPair },
  { body, headers, as = at.admin }: CallOptions,
): Promise<Answer> {
  const bytes =
    body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const options: RequestOptions = {
    host: '127.0.0.1',
    agent: false,
    method: at.method,
    path: at.path,
    port: at.port,
    ca: at.ca,
    ...(as === null ? {} : { cert: as.certificate, key: as.key }),
    headers: {
      ...(bytes === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }),
      ...headers,
    },
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const text = bytes.toString('utf8');
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          bytes,
          json: <T>() => JSON.parse(text) as T, // Each test says what it expects.
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}
