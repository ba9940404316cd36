/** https://grpc.io/docs/guides/status-codes/ */
export const DEADLINE_EXCEEDED = 4;
export const UNAVAILABLE = 14;

/** A call that failed: what the other side said, or how the connection to it was lost. */
export class RpcError extends Error {
  readonly code: number;
  /** Nobody has begun to work on it. */
  readonly untouched: boolean;

  constructor(code: number, message: string, { untouched }: { readonly untouched: boolean }) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
    this.untouched = untouched;
  }
}
