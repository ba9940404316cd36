/**
 * The closed table of errors. Each layer throws an {@link AmphoraError} with a code from here or adds what
 * it was doing with {@link AmphoraError.during}; only `http/` maps it to the wire (a Kubernetes `Status`,
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/).
 *
 * `fate` says what a caller may do: *invalid* is the caller's fault and stays so, *conflict* means read
 * again, *transient* means back off and try again, *terminal* means report it in a condition and stop.
 */
export const ERRORS = {
  BadRequest: { status: 400, reason: 'BadRequest', fate: 'invalid' },
  Unauthorized: { status: 401, reason: 'Unauthorized', fate: 'invalid' },
  Forbidden: { status: 403, reason: 'Forbidden', fate: 'invalid' },
  NotFound: { status: 404, reason: 'NotFound', fate: 'invalid' },
  MethodNotAllowed: { status: 405, reason: 'MethodNotAllowed', fate: 'invalid' },
  NotAcceptable: { status: 406, reason: 'NotAcceptable', fate: 'invalid' },
  AlreadyExists: { status: 409, reason: 'AlreadyExists', fate: 'conflict' },
  Conflict: { status: 409, reason: 'Conflict', fate: 'conflict' },
  Gone: { status: 410, reason: 'Gone', fate: 'conflict' },
  Expired: { status: 410, reason: 'Expired', fate: 'conflict' },
  TooLarge: { status: 413, reason: 'RequestEntityTooLarge', fate: 'invalid' },
  UnsupportedMediaType: { status: 415, reason: 'UnsupportedMediaType', fate: 'invalid' },
  Invalid: { status: 422, reason: 'Invalid', fate: 'invalid' },
  TooManyRequests: { status: 429, reason: 'TooManyRequests', fate: 'transient' },
  Internal: { status: 500, reason: 'InternalError', fate: 'terminal' },
  NotImplemented: { status: 501, reason: 'NotImplemented', fate: 'terminal' },
  Unavailable: { status: 503, reason: 'ServiceUnavailable', fate: 'transient' },
  Timeout: { status: 504, reason: 'Timeout', fate: 'transient' },
  /** The caller went away; nobody reads the answer. */
  Canceled: { status: 499, reason: 'Timeout', fate: 'terminal' },
  /** A program we ran failed, was missing, or printed what we could not read. */
  ProcessFailed: { status: 500, reason: 'InternalError', fate: 'transient' },
  /** The host lacks something (a package, a kernel feature, a right) that waiting will not bring. */
  HostLacks: { status: 500, reason: 'InternalError', fate: 'terminal' },
  /** The disk or a quota is full: nothing was written. */
  OutOfSpace: { status: 507, reason: 'InternalError', fate: 'transient' },
  /** Content does not have the digest, size or form it was promised to have. */
  Corrupt: { status: 500, reason: 'InternalError', fate: 'terminal' },
} as const satisfies Record<string, ErrorFacts>;

export type Fate = 'invalid' | 'conflict' | 'transient' | 'terminal';
export type ErrorCode = keyof typeof ERRORS;

interface ErrorFacts {
  readonly status: number;
  readonly reason: string;
  readonly fate: Fate;
}

/** One field that is wrong, as in `Status.details.causes`. `field` is a path such as `spec.containers[0].image`. */
export interface ErrorDetail {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
}

export interface ErrorOptions {
  readonly cause?: unknown;
  /** The object it happened to, for `Status.details`. */
  readonly about?: {
    readonly group?: string;
    readonly kind?: string;
    readonly name?: string;
    readonly uid?: string;
  };
  readonly details?: readonly ErrorDetail[];
  /** Seconds after which a try can succeed. */
  readonly retryAfterSeconds?: number;
  /** Status and reason that somebody else chose for the caller, such as a webhook that denied; 400 to 599. */
  readonly told?: { readonly status: number; readonly reason: string };
  /** With which a list that expired can go on, for `Status.metadata`. */
  readonly continue?: string;
}

export class AmphoraError extends Error {
  readonly code: ErrorCode;
  readonly about: ErrorOptions['about'];
  readonly details: readonly ErrorDetail[];
  readonly retryAfterSeconds: number | undefined;
  readonly told: ErrorOptions['told'];
  readonly continue: string | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AmphoraError';
    this.code = code;
    this.about = options.about;
    this.details = options.details ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.told = options.told;
    this.continue = options.continue;
  }

  get status(): number {
    return this.told?.status ?? ERRORS[this.code].status;
  }

  get reason(): string {
    return this.told?.reason ?? ERRORS[this.code].reason;
  }

  get fate(): Fate {
    return ERRORS[this.code].fate;
  }

  /** Wraps `error` with what was being done; the code, and so the fate, stays that of the cause. */
  static during(doing: string, error: unknown): AmphoraError {
    const cause = AmphoraError.from(error);
    return new AmphoraError(cause.code, `${doing}: ${cause.message}`, {
      cause,
      ...(cause.about === undefined ? {} : { about: cause.about }),
      details: cause.details,
      ...(cause.told === undefined ? {} : { told: cause.told }),
      ...(cause.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: cause.retryAfterSeconds }),
    });
  }

  /** Any thrown value as an AmphoraError; what nobody foresaw is `Internal`. */
  static from(error: unknown): AmphoraError {
    if (error instanceof AmphoraError) return error;
    if (!(error instanceof Error)) return new AmphoraError('Internal', String(error));
    return new AmphoraError(codeOf(error), error.message, { cause: error });
  }
}

export function isCode(error: unknown, ...codes: ErrorCode[]): error is AmphoraError {
  return error instanceof AmphoraError && codes.includes(error.code);
}

function codeOf(error: Error): ErrorCode {
  if (error.name === 'AbortError') return 'Canceled';
  if (error.name === 'TimeoutError') return 'Timeout';
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'OutOfSpace';
  return 'Internal';
}
