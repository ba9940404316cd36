import { type Clock, toMicroTime } from '../../lib/clock.ts';
import type { Attributes } from '../authz/authorizer.ts';
import type { User } from '../user.ts';
import type { AuditDecision, AuditPolicy, AuditStage } from './policy.ts';
import type { AuditSink } from './sink.ts';

/** Writes down who did what, as far as a policy wants it. */
export interface Auditor {
  /** Undefined: nothing is written of such a request. */
  begin(request: AuditedRequest): AuditRecord | undefined;
  close(): Promise<void>;
}

export interface AuditedRequest {
  readonly id: string;
  /** With the query. */
  readonly uri: string;
  readonly userAgent: string | undefined;
  readonly sourceAddress: string | undefined;
  readonly user: User;
  readonly impersonator: User | undefined;
  readonly attributes: Attributes;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

/** One request, from its beginning to its end. */
export interface AuditRecord {
  readonly wantsRequest: boolean;
  readonly wantsResponse: boolean;
  /** From admission; the first value of a key stays. */
  annotate(key: string, value: string): void;
  /** What came and what goes out, as far as they are wanted. */
  objects: { request?: unknown; response?: unknown };
  stage(stage: AuditStage, status?: AuditStatus): void;
}

export interface AuditFailure {
  readonly status: 'Failure';
  readonly reason: string;
  readonly message: string;
}

export interface AuditStatus extends Partial<AuditFailure> {
  readonly code: number;
}

export interface AuditorOptions {
  readonly policy: AuditPolicy;
  readonly sinks: readonly AuditSink[];
  readonly clock: Clock;
}

export function createAuditor({ policy, sinks, clock }: AuditorOptions): Auditor {
  return {
    begin: (request) => {
      const decision = policy.decide(request.user, request.attributes);
      return decision.level === 'None' ? undefined : new Recording(request, decision, { sinks, clock });
    },
    close: async () => {
      await Promise.all(sinks.map((sink) => sink.close()));
    },
  };
}

class Recording implements AuditRecord {
  objects: AuditRecord['objects'] = {};
  readonly #request: AuditedRequest;
  readonly #decision: AuditDecision;
  readonly #sinks: readonly AuditSink[];
  readonly #clock: Clock;
  readonly #annotations = new Map<string, string>();

  constructor(
    request: AuditedRequest,
    decision: AuditDecision,
    { sinks, clock }: Pick<AuditorOptions, 'sinks' | 'clock'>,
  ) {
    this.#request = request;
    this.#decision = decision;
    this.#sinks = sinks;
    this.#clock = clock;
  }

  get wantsRequest(): boolean {
    return this.#decision.level === 'Request' || this.wantsResponse;
  }

  get wantsResponse(): boolean {
    return this.#decision.level === 'RequestResponse';
  }

  annotate(key: string, value: string): void {
    if (!this.#annotations.has(key)) this.#annotations.set(key, value);
  }

  stage(stage: AuditStage, status?: AuditStatus): void {
    if (this.#decision.omit.has(stage)) return;
    const event = this.#event(stage, status);
    for (const sink of this.#sinks) sink.put(event);
  }

  #event(stage: AuditStage, status: AuditStatus | undefined): object {
    const { id, uri, userAgent, sourceAddress, user, impersonator, attributes, receivedAt } = this.#request;
    const { request, response } = this.objects;
    return {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: this.#decision.level,
      auditID: id,
      stage,
      requestURI: uri,
      verb: attributes.verb,
      user: userInfo(impersonator ?? user),
      ...(impersonator === undefined ? {} : { impersonatedUser: userInfo(user) }),
      ...(sourceAddress === undefined ? {} : { sourceIPs: [sourceAddress] }),
      ...(userAgent === undefined ? {} : { userAgent }),
      ...objectReference(attributes),
      ...(status === undefined ? {} : { responseStatus: { metadata: {}, ...status } }),
      ...(request === undefined ? {} : { requestObject: this.#shown(request) }),
      ...(response === undefined ? {} : { responseObject: this.#shown(response) }),
      requestReceivedTimestamp: toMicroTime(receivedAt),
      stageTimestamp: toMicroTime(this.#clock.now()),
      ...(this.#annotations.size === 0 ? {} : { annotations: Object.fromEntries(this.#annotations) }),
    };
  }

  #shown(object: unknown): unknown {
    return this.#decision.omitManagedFields ? withoutManagedFields(object) : object;
  }
}

function userInfo({ name, uid, groups, extra }: User): object {
  return {
    username: name,
    ...(uid === '' ? {} : { uid }),
    groups,
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

function objectReference(attributes: Attributes): object {
  if (attributes.kind === 'path') return {};
  const { resource, namespace, name, group, version, subresource } = attributes;
  return {
    objectRef: {
      resource,
      ...(namespace === '' ? {} : { namespace }),
      ...(name === '' ? {} : { name }),
      ...(group === '' ? {} : { apiGroup: group }),
      apiVersion: version,
      ...(subresource === '' ? {} : { subresource }),
    },
  };
}

interface Shown {
  readonly metadata?: object;
  readonly items?: readonly unknown[];
}

function withoutManagedFields(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { metadata, items, ...rest } = value as Shown; // Only looked at.
  const { managedFields: _, ...kept } = (metadata ?? {}) as { managedFields?: unknown };
  return {
    ...rest,
    ...(metadata === undefined ? {} : { metadata: kept }),
    ...(Array.isArray(items) ? { items: items.map(withoutManagedFields) } : {}),
  };
}
