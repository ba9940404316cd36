import { arch, platform } from 'node:os';
import type { Exchange } from '../exchange.ts';
import { acceptsAggregated } from '../negotiate/accept.ts';
import type { Services } from '../services.ts';
import { methodNotAllowed, noSuchResource } from '../status.ts';
import { answerValue } from '../verbs/answer.ts';
import type { Route } from './route.ts';

type DocumentRoute = Exclude<Route, { type: 'health' | 'tunnel' | 'collection' | 'object' }>;

const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** What describes the API itself: version, discovery, OpenAPI, the token issuer. */
export async function answerDocument(
  services: Services,
  exchange: Exchange,
  route: DocumentRoute,
): Promise<void> {
  if (exchange.method !== 'GET' && exchange.method !== 'HEAD') throw methodNotAllowed();
  const { documents, tokens } = services;
  switch (route.type) {
    case 'metrics':
      return answerMetrics(services, exchange);
    case 'version':
      return answer(services, exchange, VERSION);
    case 'core-versions':
      return aggregatedOr(services, exchange, { root: 'api', plain: () => documents.coreVersions() });
    case 'groups':
      return aggregatedOr(services, exchange, { root: 'apis', plain: () => documents.groups() });
    case 'group':
      return answer(services, exchange, documents.group(route.group));
    case 'resources':
      return answer(services, exchange, documents.resources(route.group, route.version));
    case 'openapi-index':
      return answer(services, exchange, documents.openApiIndex());
    case 'openapi-v2':
      return openApiV2(services, exchange);
    case 'openapi':
      return openApi(services, exchange, route);
    case 'key-set':
      return answer(services, exchange, await tokens?.keySet());
    case 'issuer':
      return answer(services, exchange, tokens?.discovery());
    case 'root':
      return answer(services, exchange, { paths: ROOT_PATHS });
  }
}

/** In the form that every scraper reads, whatever it asks for. */
async function answerMetrics({ metrics }: Services, exchange: Exchange): Promise<void> {
  if (metrics === undefined) throw noSuchResource();
  const type = 'text/plain; version=0.0.4; charset=utf-8';
  await exchange.reply.send(200, type, Buffer.from(metrics.expose()));
}

const VERSION = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: 'v1.36.0+amphora',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'node',
  platform: `${platform()}/${arch() === 'x64' ? 'amd64' : arch()}`,
};

const ROOT_PATHS = [
  '/.well-known/openid-configuration',
  '/api',
  '/apis',
  '/healthz',
  '/livez',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/openid/v1/jwks',
  '/readyz',
  '/version',
];

async function answer(services: Services, exchange: Exchange, value: unknown): Promise<void> {
  if (value === undefined) throw noSuchResource();
  await answerValue(services, exchange, {
    status: 200,
    value,
    format: { encoding: 'json', shape: 'object' },
  });
}

/** A client that asks for the aggregated form in a version we lack (v2beta1) gets the plain one, as it must expect. */
async function aggregatedOr(
  services: Services,
  exchange: Exchange,
  { root, plain }: { root: 'api' | 'apis'; plain: () => unknown },
): Promise<void> {
  exchange.reply.header('vary', 'Accept');
  if (!acceptsAggregated(exchange.headers.accept)) return answer(services, exchange, plain());
  const { json, hash } = services.documents.aggregated(root);
  await sendTagged(exchange, hash, { type: AGGREGATED, bytes: json });
}

/** The protobuf form is the only one that kubectl asks for. */
async function openApiV2({ documents }: Services, exchange: Exchange): Promise<void> {
  const document = documents.openApiV2();
  exchange.reply.header('vary', 'Accept');
  const isProtobuf = (exchange.headers.accept ?? '').includes('com.github.proto-openapi.spec.v2');
  await sendTagged(
    exchange,
    document.hash,
    isProtobuf
      ? { type: OPENAPI_V2_PROTOBUF, bytes: document.protobuf() }
      : { type: 'application/json', bytes: document.json },
  );
}

async function openApi(
  services: Services,
  exchange: Exchange,
  route: Extract<Route, { type: 'openapi' }>,
): Promise<void> {
  const document = services.documents.openApi(route.group, route.version);
  if (document === undefined) throw noSuchResource();
  exchange.reply.header('vary', 'Accept-Encoding');
  // The index gives the hash with each path: what is fetched by its hash never changes.
  if (exchange.query.get('hash') === document.hash)
    exchange.reply.header('cache-control', 'public, immutable, max-age=31536000');
  await sendTagged(exchange, document.hash, { type: 'application/json', bytes: document.json });
}

/** Nothing but its tag for a client that has it already. */
async function sendTagged(
  { headers, reply }: Exchange,
  hash: string,
  body: { readonly type: string; readonly bytes: Buffer },
): Promise<void> {
  const tag = `"${hash}"`;
  reply.header('etag', tag);
  if (!(headers['if-none-match'] ?? '').split(/\s*,\s*/).includes(tag))
    return reply.send(200, body.type, body.bytes);
  reply.begin(304);
  return reply.end();
}
