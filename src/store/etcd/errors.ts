import { AmphoraError, type ErrorCode } from '../../lib/errors.ts';
import { DEADLINE_EXCEEDED, RpcError, UNAVAILABLE } from './rpc-error.ts';

const RETRY_AFTER_SECONDS = 1;

/**
 * An error of etcd or of the connection to it, in our words. Clients are told to try again by themselves only where that
 * does no harm: not after a write whose outcome nobody knows.
 */
export function etcdError(doing: string, error: unknown, isHarmless = false): AmphoraError {
  if (error instanceof AmphoraError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const again = isPassing(error) && (isHarmless || isUntouched(error));
  return new AmphoraError(codeOf(error, text), `${doing}: ${text}`, {
    cause: error,
    ...(again ? { retryAfterSeconds: RETRY_AFTER_SECONDS } : {}),
  });
}

/** Whether a request that failed so was never worked on, so that it can be sent again whatever it asked for. */
export function isUntouched(error: unknown): boolean {
  return error instanceof RpcError && (error.untouched || /etcdserver: no leader/.test(error.message));
}

/** Whether another member may answer what this one did not. */
export function isPassing(error: unknown): boolean {
  return error instanceof RpcError && (error.code === UNAVAILABLE || error.code === DEADLINE_EXCEEDED);
}

function codeOf(error: unknown, text: string): ErrorCode {
  if (/required revision has been compacted/.test(text)) return 'Expired';
  if (/database space exceeded|mvcc: database/.test(text)) return 'OutOfSpace';
  if (/request is too large|larger than max|too many operations/.test(text)) return 'TooLarge';
  // Tried again it would fail again.
  if (/duplicate key/.test(text)) return 'BadRequest';
  if (/request timed out|future revision/.test(text)) return 'Timeout';
  return error instanceof RpcError && error.code === DEADLINE_EXCEEDED ? 'Timeout' : 'Unavailable';
}
