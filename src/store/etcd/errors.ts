import { AmphoraError, type ErrorCode } from '../../lib/errors.ts';

/** An error of etcd or of the connection to it, in our words. */
export function etcdError(doing: string, error: unknown): AmphoraError {
  if (error instanceof AmphoraError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = codeOf(text);
  return new AmphoraError(code, `${doing}: ${text}`, { cause: error });
}

function codeOf(text: string): ErrorCode {
  // etcd 3.4 cancels a watch from a compacted revision without a reason; whatever it was, the reader must list again.
  if (/required revision has been compacted|Watcher canceled/.test(text)) return 'Expired';
  if (/database space exceeded|mvcc: database/.test(text)) return 'OutOfSpace';
  if (/request is too large|larger than max|too many operations/.test(text)) return 'TooLarge';
  // Tried again it would fail again.
  if (/duplicate key/.test(text)) return 'BadRequest';
  return 'Unavailable';
}
