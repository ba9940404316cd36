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
  const checks = checksOf(services, route.check);
  const names = route.part === '' ? Object.keys(checks) : [route.part];
  const excluded = new Set(exchange.query.getAll('exclude').flatMap((text) => text.split(',')));
  const lines: string[] = [];
  let isWell = true;
  for (const name of names) {
    if (route.part === '' && excluded.delete(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    const failure = await run(checks, name, exchange.signal);
    isWell &&= failure === undefined;
    lines.push(failure === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`);
    if (failure !== undefined)
      services.log.warn({ check: name, error: failure.message }, 'health check failed');
  }
  if (route.part === '' && excluded.size > 0) {
    const unknown = [...excluded].map((name) => JSON.stringify(name)).join(',');
    lines.push(`warn: some health checks cannot be excluded: no matches for ${unknown}`);
  }
  const verdict = `${route.check} check ${isWell ? 'passed' : 'failed'}`;
  const text =
    (exchange.query.has('verbose') && route.part === '') || !isWell
      ? [...lines, verdict, ''].join('\n')
      : 'ok';
  await exchange.reply.send(isWell ? 200 : 500, 'text/plain; charset=utf-8', Buffer.from(text));
}

/** Those of the server's parts, and whether it is going: that a server stops is no reason to kill it. */
function checksOf({ checks, shutdown }: Services, check: string): Services['checks'] {
  if (check !== 'readyz') return { ping: async () => {}, ...checks };
  const isStaying = async () => {
    if (shutdown?.isUnderway) throw new AmphoraError('Unavailable', 'the server is shutting down');
  };
  return { ping: async () => {}, ...checks, shutdown: isStaying };
}

async function run(
  checks: Services['checks'],
  name: string,
  signal: AbortSignal,
): Promise<Error | undefined> {
  const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
  if (check === undefined) throw noSuchResource();
  try {
    await check(signal);
    return undefined;
  } catch (error) {
    return AmphoraError.from(error);
  }
}
