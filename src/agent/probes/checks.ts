import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import type { Container, HTTPHeader } from '../../api/types.generated.ts';
import type { Engine, Target } from '../../engines/engine.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';

export interface CheckResult {
  readonly ok: boolean;
  /** What was wrong, as kubelet words it. */
  readonly message: string;
}

export interface CheckLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export const OK: CheckResult = { ok: true, message: '' };

/** A port by number, or by the name one of the container's ports has. */
export function portOf(container: Container, port: number | string): number {
  const named = container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port);
  if (Number.isInteger(named) && named > 0 && named < 65_536) return named;
  throw new AmphoraError('Invalid', `container ${container.name} has no port named ${JSON.stringify(port)}`);
}

export async function execCheck(
  engine: Engine,
  what: { readonly target: Required<Target>; readonly command: readonly string[] },
  limits: CheckLimits,
): Promise<CheckResult> {
  const [first, ...rest] = what.command;
  const exec = engine.capabilities.exec;
  if (first === undefined || exec === undefined) {
    return {
      ok: false,
      message: `exec is not possible: ${first === undefined ? 'no command' : `engine ${engine.name} has none`}`,
    };
  }
  const output = collector(LIMITS.probeBodyBytes);
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const signal = AbortSignal.any([limits.signal, timeout]);
  try {
    const { exitCode } = await exec(
      what.target,
      { args: [first, ...rest], terminal: false },
      { stdout: output.stream(), stderr: output.stream() },
      signal,
    );
    return exitCode === 0 ? OK : { ok: false, message: output.text() || `command exited with ${exitCode}` };
  } catch (error) {
    if (timeout.aborted)
      return {
        ok: false,
        message: `command timed out: ${JSON.stringify(what.command.join(' '))} timed out after ${limits.timeoutMs / 1000}s`,
      };
    return { ok: false, message: AmphoraError.from(error).message };
  }
}

/** Keeps the first bytes of what several streams carry, and swallows the rest. */
function collector(limit: number): { stream(): Writable; text(): string } {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    stream: () =>
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          if (size < limit) chunks.push(chunk.subarray(0, limit - size));
          size += chunk.length;
          done();
        },
      }),
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}

export interface HttpTarget {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
  readonly scheme?: string;
  readonly httpHeaders?: readonly HTTPHeader[];
}

/** A GET whose answer is good from 200 to 399. Certificates are not checked, as kubelet does not. */
export function httpCheck(target: HttpTarget, limits: CheckLimits): Promise<CheckResult> {
  const secure = target.scheme?.toUpperCase() === 'HTTPS';
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const headers: Record<string, string> = {
    'user-agent': 'kube-probe/1.36',
    accept: '*/*',
    connection: 'close',
  };
  for (const { name, value } of target.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  return new Promise((resolve) => {
    const failed = (error: Error) => {
      const url = `${secure ? 'https' : 'http'}://${target.host}:${target.port}${target.path ?? '/'}`;
      const why = timeout.aborted
        ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        : error.message;
      resolve({ ok: false, message: `Get ${JSON.stringify(url)}: ${why}` });
    };
    const call = (secure ? httpsRequest : httpRequest)({
      host: target.host,
      port: target.port,
      path: target.path?.startsWith('/') === false ? `/${target.path}` : (target.path ?? '/'),
      headers,
      rejectUnauthorized: false,
      agent: false,
      signal: AbortSignal.any([limits.signal, timeout]),
    });
    call.on('error', failed);
    call.on('response', (answer) => {
      const status = answer.statusCode ?? 0;
      answer.on('error', failed);
      answer.destroy();
      resolve(
        status >= 200 && status < 400
          ? OK
          : { ok: false, message: `HTTP probe failed with statuscode: ${status}` },
      );
    });
    call.end();
  });
}

export function tcpCheck(
  target: { readonly host: string; readonly port: number },
  limits: CheckLimits,
): Promise<CheckResult> {
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  return new Promise((resolve) => {
    const socket = connect({
      host: target.host,
      port: target.port,
      signal: AbortSignal.any([limits.signal, timeout]),
    });
    socket.once('connect', () => {
      socket.destroy();
      resolve(OK);
    });
    socket.once('error', (error) => {
      const why = timeout.aborted ? 'i/o timeout' : error.message;
      resolve({ ok: false, message: `dial tcp ${target.host}:${target.port}: ${why}` });
    });
  });
}
