import { type Logger, pino, stdTimeFunctions } from 'pino';

/** A line is a constant message with keys: `log.info({ pod, node }, 'pod bound')`. */
export type { Logger } from 'pino';

export function createLogger(name: string, level = process.env.AMPHORA_LOG ?? 'info'): Logger {
  return pino({
    name,
    level,
    timestamp: stdTimeFunctions.isoTime,
    base: null,
    redact: ['token', 'password', '*.token', '*.password'],
  });
}

/** For tests and embedding: says nothing. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
