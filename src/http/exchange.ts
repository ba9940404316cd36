import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AuditFailure, AuditRecord } from '../access/audit/audit.ts';
import type { ClientCertificate, Credentials } from '../access/authn/authenticator.ts';
import type { Attributes } from '../access/authz/authorizer.ts';
import { ANONYMOUS, type User } from '../access/user.ts';
import { LIMITS } from '../lib/limits.ts';
import type { Reply } from './reply.ts';
import type { Route } from './routes/route.ts';
import type { Incoming } from './wire.ts';

/** The raw connection of a request that asks to change protocols. */
export interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
  /** Takes the socket from HTTP; from then on it is the caller's to end. */
  take(): Duplex;
}

/** One request and its answer, as it goes through the filters. */
export class Exchange {
  readonly id = randomUUID();
  readonly startedAt = performance.now();
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly warnings: string[] = [];
  readonly request: Incoming;
  readonly reply: Reply;
  readonly #certificate: ClientCertificate | undefined;
  readonly upgrade: Upgrade | undefined;
  /** Set by the authentication filter. */
  user: User = ANONYMOUS;
  /** Who really called, when `user` is impersonated. */
  impersonator: User | undefined;
  /** What it asks for, once somebody wanted to know. */
  attributes: Attributes | undefined;
  /** What the audit policy wants of it; undefined for nothing. */
  audit: AuditRecord | undefined;
  /** Whether the policy was asked. */
  isAudited = false;
  /** Why it was refused. */
  failure: AuditFailure | undefined;
  /** The body as it came, kept for the audit log. */
  body: Buffer | undefined;
  /** Set by the routing filter. */
  route: Route | undefined;
  /** A watch or a stream: it ends when the server closes. Set by the deadline filter. */
  isLong = false;
  readonly #abort = new AbortController();

  constructor(options: {
    request: Incoming;
    reply: Reply;
    certificate?: ClientCertificate | undefined;
    upgrade?: Upgrade | undefined;
  }) {
    const { request } = options;
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    this.method = request.method ?? 'GET';
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
    this.headers = request.headers;
    this.request = request;
    this.reply = options.reply;
    this.#certificate = options.certificate;
    this.upgrade = options.upgrade;
  }

  /** What the caller says about who it is. */
  get credentials(): Credentials {
    const { headers, path } = this;
    const { authorization } = headers;
    const protocols = headers['sec-websocket-protocol'];
    return { certificate: this.#certificate, authorization, protocols, headers, path };
  }

  /** Aborts when the client goes away, the deadline passes or the server closes. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  abort(reason: Error): void {
    this.#abort.abort(reason);
  }

  /** Adds a `Warning: 299` header. What is too much or too long is left out. */
  warn(message: string): void {
    if (this.warnings.length < LIMITS.warnings && !this.warnings.includes(message))
      this.warnings.push(message.slice(0, 1024));
  }
}
