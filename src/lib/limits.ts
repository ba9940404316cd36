/** Every bound in one place: bytes unless the name says otherwise, times in milliseconds. */
export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;

export const LIMITS = {
  /** Largest request body; upstream's limit is 3 MiB. */
  requestBodyBytes: 3 * MIB,
  /** Largest encoded object the store takes. */
  objectBytes: 2 * MIB,
  /** Deepest nesting of a decoded body. */
  nesting: 64,
  /** Most alias expansions in one YAML document. */
  yamlAliases: 100,
  /** Most events a watcher may be behind before it is dropped and must list again. */
  watchQueueEvents: 4096,
  /** How many past revisions are kept for watches and exact lists. */
  historyRevisions: 100_000,
  /** Most bytes kept of what a child process prints. */
  processOutputBytes: 4 * MIB,
  /** Default deadline of a child process. */
  processMs: 30 * SECOND_MS,
  /** Deadline of a non-watching API request. */
  requestMs: 60 * SECOND_MS,
  /** Longest a client may take to send its request headers. */
  requestHeaderMs: 15 * SECOND_MS,
} as const;
