import { type Logger, pino, stdTimeFunctions } from 'pino';
import { SECOND_MS } from './limits.ts';

/** A line is a constant message with keys: `log.info({ pod, node }, 'pod bound')`. */
export type { Logger } from 'pino';

/** Lines are written some at a time, a second late at most; warnings and errors at once, with all before them. */
const GATHERED_BYTES = 8192;

export function createLogger(name: string, level = process.env.AMPHORA_LOG ?? 'info'): Logger {
  const out = pino.destination({ minLength: GATHERED_BYTES, sync: true });
  setInterval(() => out.flush(), SECOND_MS).unref();
  process.once('exit', () => out.flushSync());
  const urgent = pino.levels.values.warn ?? 0;
  const options = {
    name,
    level,
    timestamp: stdTimeFunctions.isoTime,
    base: null,
    serializers: { error: pino.stdSerializers.err },
    redact: ['token', 'password', '*.token', '*.password'],
    hooks: {
      logMethod(this: Logger, line: Parameters<Logger['info']>, write: Logger['info'], at: number) {
        write.apply(this, line);
        if (at >= urgent) out.flushSync();
      },
    },
  };
  return pino(options, out);
}

/** For tests and embedding: says nothing. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
