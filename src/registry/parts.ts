import type { Admission, AdmissionReader } from '../access/admission/admission.ts';
import type { WebhookCaller } from '../access/webhooks/caller.ts';
import type { ApiObject, Kind, KindTable } from '../api/kind.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/store.ts';
import type { SharedBytes } from './object-bytes.ts';
import type { CreateTarget, RequestContext } from './registry.ts';
import type { Strategy } from './strategy.ts';

/** What the verbs are made of; handed from one to the next, never global. */
export interface RegistryParts {
  readonly store: Store;
  readonly kinds: KindTable;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly strategies: ReadonlyMap<string, Strategy>;
  readonly shared: SharedBytes;
  readonly reader: AdmissionReader;
  readonly hooks: RegistryHooks;
  /** The object in another version of its kind: what admission asks for. */
  readonly convert: (object: Readonly<ApiObject>, to: Kind, signal: AbortSignal) => Promise<ApiObject>;
}

/** What others do for the registry. */
export interface RegistryHooks {
  /** Calls the webhooks that convert custom objects; without it, none is called. */
  readonly webhooks?: WebhookCaller;
  /** Answers `serviceaccounts/token`: the TokenRequest with its status. */
  readonly issueToken?: (request: TokenIssue, context: RequestContext) => Promise<ApiObject>;
  /** Answers a create of what is never stored: TokenReview, SubjectAccessReview, … by qualified resource. */
  readonly review?: Readonly<
    Record<string, (object: ApiObject, target: CreateTarget, context: RequestContext) => Promise<ApiObject>>
  >;
}

export interface TokenIssue {
  readonly serviceAccount: Readonly<ApiObject>;
  readonly request: ApiObject;
}

/** A kind in both of its roles: as asked for and as stored. */
export interface StoredKind {
  readonly asked: Kind;
  readonly stored: Kind;
  readonly strategy: Strategy;
}
