import type { Auditor } from '../access/audit/audit.ts';
import type { Authenticator } from '../access/authn/authenticator.ts';
import type { ServiceAccountTokens } from '../access/authn/service-account-tokens.ts';
import type { Authorizer } from '../access/authz/authorizer.ts';
import type { ProtobufCodec } from '../api/protobuf/codec.ts';
import type { Logger } from '../lib/log.ts';
import type { Registry } from '../registry/registry.ts';
import type { Extensions } from './aggregation/extensions.ts';
import type { Fairness } from './fairness/fairness.ts';
import type { ServerMetrics } from './metrics/server-metrics.ts';
import type { TableOf } from './negotiate/shapes.ts';
import type { NodeTunnels } from './tunnel/node-tunnels.ts';

/** What the handlers of requests work with; all of it is injected. */
export interface Services {
  readonly registry: Registry;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly log: Logger;
  /** Absent: the service account issuer's documents and the `token` subresource are not served. */
  readonly tokens?: ServiceAccountTokens;
  readonly documents: Documents;
  readonly tableOf?: TableOf;
  /** Absent: protobuf bodies are answered with 415. */
  readonly protobuf?: ProtobufCodec;
  readonly nodes: NodeTunnels;
  /** Absent: no audit log. */
  readonly audit?: Auditor;
  /** Absent: every group is served here. */
  readonly extensions?: Extensions;
  /** Absent: every request is served at once. */
  readonly fairness?: Fairness;
  /** Absent: nothing is counted. */
  readonly metrics?: ServerMetrics;
  /** Set by the server; `/readyz` fails once it is underway. */
  readonly shutdown?: { readonly isUnderway: boolean };
  /** By name, for `/livez?verbose` and its kin; each throws when it is not well. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
}

export type HealthCheck = (signal: AbortSignal) => Promise<void>;

/** Descriptions of the API itself, made from the kind table; each answers undefined for what is not served. */
export interface Documents {
  /** `APIVersions` of `/api`. */
  coreVersions(): unknown;
  /** `APIGroupList` of `/apis`. */
  groups(): unknown;
  group(group: string): unknown;
  /** `APIResourceList` of one group and version. */
  resources(group: string, version: string): unknown;
  /** `APIGroupDiscoveryList`, v2: of the core group, or of all others. */
  aggregated(root: 'api' | 'apis'): TaggedDocument;
  /** OpenAPI v3 of each group and version: paths to hashes. */
  openApiIndex(): unknown;
  openApi(group: string, version: string): TaggedDocument | undefined;
  openApiV2(): OpenApiV2Document;
}

export interface OpenApiV2Document extends TaggedDocument {
  /** As kubectl asks for it. */
  protobuf(): Buffer;
}

export interface TaggedDocument {
  readonly json: Buffer;
  /** Changes exactly when the document does. */
  readonly hash: string;
}
