import type { Container, LifecycleHandler } from '../../api/types.generated.ts';
import type { Engine, Target } from '../../engines/engine.ts';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { MINUTE_MS } from '../../lib/limits.ts';
import { execCheck, httpCheck, portOf, tcpCheck } from './checks.ts';

export interface HookContext {
  readonly clock: Clock;
  readonly engine: Engine;
  readonly target: Required<Target>;
  readonly spec: Container;
  readonly podIps: readonly string[];
  readonly signal: AbortSignal;
}

/** Runs a postStart or preStop hook to its end. @throws what went wrong */
export async function runHook(handler: LifecycleHandler, context: HookContext): Promise<void> {
  const { spec, signal } = context;
  const host = context.podIps[0] ?? '127.0.0.1';
  if (handler.sleep !== undefined) {
    await context.clock.sleep(handler.sleep.seconds * 1000, signal);
    return;
  }
  const limits = { timeoutMs: 10 * MINUTE_MS, signal };
  const result =
    handler.exec !== undefined
      ? await execCheck(
          context.engine,
          { target: context.target, command: handler.exec.command ?? [] },
          limits,
        )
      : handler.httpGet !== undefined
        ? await httpCheck(
            {
              ...handler.httpGet,
              port: portOf(spec, handler.httpGet.port),
              host: handler.httpGet.host ?? host,
            },
            limits,
          )
        : handler.tcpSocket !== undefined
          ? await tcpCheck(
              { host: handler.tcpSocket.host ?? host, port: portOf(spec, handler.tcpSocket.port) },
              limits,
            )
          : { ok: true, message: '' };
  if (!result.ok) throw new AmphoraError('ProcessFailed', result.message);
}
