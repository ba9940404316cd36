import { AmphoraError } from '../../lib/errors.ts';
import type { Exchange } from '../exchange.ts';
import type { Services } from '../services.ts';
import { methodNotAllowed, noSuchResource } from '../status.ts';
import type { Route } from './route.ts';

/** https://kubernetes.io/docs/reference/using-api/health-checks/ */
export async function answerHealth(
  services: Services,
  exchange: Exchange,
  route: Extract<Route, { type: 'health' }>,
): Promise<void> {
  if (exchange.method !== 'GET' && exchange.method !== 'HEAD') throw methodNotAllowed();
  const names = route.part === '' ? Object.keys(services.checks) : [route.part];
  const excluded = new Set(exchange.query.getAll('exclude'));
  const lines: string[] = [];
  let isWell = true;
  for (const name of names) {
    const failure = excluded.has(name) ? undefined : await run(services, name, exchange.signal);
    isWell &&= failure === undefined;
    lines.push(failure === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`);
    if (failure !== undefined)
      services.log.warn({ check: name, error: failure.message }, 'health check failed');
  }
  const verdict = `${route.check} check ${isWell ? 'passed' : 'failed'}`;
  const text = exchange.query.has('verbose') || !isWell ? [...lines, verdict, ''].join('\n') : 'ok';
  await exchange.reply.send(isWell ? 200 : 500, 'text/plain; charset=utf-8', Buffer.from(text));
}

async function run(services: Services, name: string, signal: AbortSignal): Promise<Error | undefined> {
  const check = Object.hasOwn(services.checks, name) ? services.checks[name] : undefined;
  if (check === undefined) throw noSuchResource();
  try {
    await check(signal);
    return undefined;
  } catch (error) {
    return AmphoraError.from(error);
  }
}
