import type { Container, Probe } from '../../api/types.generated.ts';
import type { Engine, Target } from '../../engines/engine.ts';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { type CheckResult, execCheck, httpCheck, portOf, tcpCheck } from './checks.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

export interface ProberOptions {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  readonly container: Container;
  readonly engine: Engine;
  readonly target: Required<Target>;
  readonly podIps: readonly string[];
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Success or failure often enough in a row to count. Told once per change. */
  readonly onVerdict: (ok: boolean) => void;
  /** Each single failure. */
  readonly onFailure: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Probes until the signal aborts, or, for a startup probe, until it has passed. */
export async function runProber(options: ProberOptions): Promise<void> {
  const { probe, clock, signal, kind } = options;
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  const first = options.startedAt + (probe.initialDelaySeconds ?? 0) * 1000 - clock.now();
  let streak = 0;
  let last: boolean | undefined;
  let told: boolean | undefined;
  if (first > 0) await clock.sleep(first, signal);
  while (!signal.aborted) {
    const { ok, message } = await check(options);
    if (signal.aborted) return;
    streak = ok === last ? streak + 1 : 1;
    last = ok;
    if (!ok) options.onFailure(message);
    const needed = ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (streak >= needed && told !== ok) {
      told = ok;
      options.onVerdict(ok);
      if (kind === 'startup') return;
    }
    // A pod that is not yet ready is looked at again soon, so that Ready comes without waiting out a long period.
    const soon = kind !== 'liveness' && told === undefined && !ok;
    await clock.sleep(soon ? Math.min(periodMs, 1000) : periodMs, signal);
  }
}

async function check(options: ProberOptions): Promise<CheckResult> {
  const { probe, container, engine, target, signal } = options;
  const host = options.podIps[0] ?? '127.0.0.1';
  const limits = { timeoutMs: (probe.timeoutSeconds ?? 1) * 1000, signal };
  try {
    if (probe.exec !== undefined)
      return await execCheck(engine, { target, command: probe.exec.command ?? [] }, limits);
    if (probe.httpGet !== undefined) {
      const port = portOf(container, probe.httpGet.port);
      return await httpCheck({ ...probe.httpGet, port, host: probe.httpGet.host ?? host }, limits);
    }
    if (probe.tcpSocket !== undefined)
      return await tcpCheck(
        { host: probe.tcpSocket.host ?? host, port: portOf(container, probe.tcpSocket.port) },
        limits,
      );
    if (probe.grpc !== undefined) {
      // Its library is large, and few pods have such a probe.
      const { grpcCheck } = await import('./grpc-check.ts');
      return await grpcCheck({ host, port: probe.grpc.port, service: probe.grpc.service ?? '' }, limits);
    }
    return { ok: true, message: '' };
  } catch (error) {
    return { ok: false, message: AmphoraError.from(error).message };
  }
}
