import { AmphoraError, type ErrorCode } from '../../lib/errors.ts';

/** https://grpc.io/docs/guides/status-codes/ */
const DEADLINE_EXCEEDED = 4;
const UNAVAILABLE = 14;

/** An error of etcd or of the connection to it, in our words. */
export function etcdError(doing: string, error: unknown): AmphoraError {
  if (error instanceof AmphoraError) return error;
  const text = textOf(error);
  return new AmphoraError(codeOf(error, text), `${doing}: ${text}`, { cause: error });
}

/** Whether a request that failed so was never worked on, so that it can be sent again whatever it asked for. */
export function isUntouched(error: unknown): boolean {
  // grpc-js' words for a call that found no connection, and etcd's for one that its member refused without a leader.
  return /^(No connection established|Name resolution failed)|etcdserver: no leader/.test(textOf(error));
}

/** Whether another member may answer what this one did not. */
export function isPassing(error: unknown): boolean {
  const code = statusOf(error);
  return code === UNAVAILABLE || code === DEADLINE_EXCEEDED;
}

function codeOf(error: unknown, text: string): ErrorCode {
  if (/required revision has been compacted/.test(text)) return 'Expired';
  if (/database space exceeded|mvcc: database/.test(text)) return 'OutOfSpace';
  if (/request is too large|larger than max|too many operations/.test(text)) return 'TooLarge';
  // Tried again it would fail again.
  if (/duplicate key/.test(text)) return 'BadRequest';
  if (/request timed out|future revision/.test(text) || statusOf(error) === DEADLINE_EXCEEDED)
    return 'Timeout';
  return 'Unavailable';
}

/** A gRPC error's own text, without its number in front. */
function textOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'details' in error && typeof error.details === 'string')
    return error.details;
  return error instanceof Error ? error.message : String(error);
}

function statusOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
