import { AmphoraError, ERRORS, type ErrorCode, type ErrorDetail } from '../lib/errors.ts';

interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { reason?: string; field?: string; message?: string }[];
  };
}

/** A `Status` that says no, as the error it was on the server. */
export function statusError(body: unknown, httpStatus: number): AmphoraError {
  const status = (typeof body === 'object' && body !== null ? body : {}) as Status; // Every field is looked at below.
  const message = status.message ?? `the server answered with status ${httpStatus}`;
  const { name, group, kind, uid, causes = [], retryAfterSeconds } = status.details ?? {};
  const details: ErrorDetail[] = causes.map((cause) => ({
    reason: cause.reason ?? '',
    field: cause.field ?? '',
    message: cause.message ?? '',
  }));
  return new AmphoraError(codeOf(status.reason, status.code ?? httpStatus), message, {
    about: {
      ...(group === undefined ? {} : { group }),
      ...(kind === undefined ? {} : { kind }),
      ...(name === undefined ? {} : { name }),
      ...(uid === undefined ? {} : { uid }),
    },
    details,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** The first code of the table with this reason, else with this status. */
function codeOf(reason: string | undefined, status: number): ErrorCode {
  const codes = Object.keys(ERRORS) as ErrorCode[]; // The keys of the table are its codes.
  const byReason = codes.find((code) => ERRORS[code].reason === reason);
  return (
    byReason ??
    codes.find((code) => ERRORS[code].status === status) ??
    (status >= 500 ? 'Unavailable' : 'BadRequest')
  );
}
