import type { ContainerStatus, SandboxStatus } from '../../engines/engine.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { ContainerRecord, PodRecord, Termination } from './record.ts';

export interface Ended {
  readonly container: string;
  readonly termination: Termination;
}

/** What an engine said, put into the record; and which containers it says have ended since. Pure. */
export function absorb(record: PodRecord, sandbox: SandboxStatus | undefined, now: number): PodRecord {
  const inSandbox = new Map(sandbox?.containers.map((one) => [one.name, one]));
  const lost = record.sandbox.phase === 'made' && sandbox?.phase !== 'ready';
  const containers = Object.entries(record.containers).map(([name, container]) => [
    name,
    absorbContainer(container, {
      status: inSandbox.get(name),
      lost: lost || container.sandboxAttempt !== record.sandbox.attempt,
      now,
    }),
  ]);
  return { ...record, containers: Object.fromEntries(containers) };
}

function absorbContainer(
  container: ContainerRecord,
  seen: { readonly status: ContainerStatus | undefined; readonly lost: boolean; readonly now: number },
): ContainerRecord {
  if (container.phase === 'exited') return container;
  const { status, lost, now } = seen;
  if (status !== undefined && status.attempt === container.attempt) {
    if (status.state === 'running') {
      const startedAt = status.startedAt ?? container.startedAt ?? now;
      return container.phase === 'running' ? container : { ...container, phase: 'running', startedAt };
    }
    if (status.state === 'exited') return exited(container, terminationOf(container, status, now));
  }
  if (!lost || container.phase === 'starting') return container;
  return exited(container, {
    attempt: container.attempt,
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located: its sandbox is gone',
    startedAt: container.startedAt ?? now,
    finishedAt: now,
  });
}

function exited(container: ContainerRecord, termination: Termination): ContainerRecord {
  const longRun = termination.finishedAt - termination.startedAt >= LIMITS.crashForgivenMs;
  return { ...container, phase: 'exited', termination, crashes: longRun ? 1 : container.crashes + 1 };
}

function terminationOf(container: ContainerRecord, status: ContainerStatus, now: number): Termination {
  const exitCode = status.exitCode ?? 137;
  const finishedAt = status.finishedAt ?? now;
  const neverRan = status.startedAt === undefined;
  return {
    attempt: container.attempt,
    exitCode,
    reason:
      status.oomKilled === true
        ? 'OOMKilled'
        : neverRan
          ? 'StartError'
          : exitCode === 0
            ? 'Completed'
            : 'Error',
    message: status.message ?? '',
    startedAt: status.startedAt ?? container.startedAt ?? finishedAt,
    finishedAt,
  };
}

/** A record for a sandbox whose own was lost: enough to adopt it, or to take it down. */
export function adopt(record: PodRecord, sandbox: SandboxStatus): PodRecord {
  const attempt = Number(sandbox.id.slice(sandbox.id.lastIndexOf('-') + 1));
  const containers = sandbox.containers.map((one): [string, ContainerRecord] => [
    one.name,
    {
      attempt: one.attempt,
      sandboxAttempt: attempt,
      phase: 'starting',
      crashes: 0,
      postStarted: true,
      started: true,
      reportedAttempt: one.attempt,
    },
  ]);
  return {
    ...record,
    sandbox: { attempt, phase: 'made' },
    containers: { ...Object.fromEntries(containers), ...record.containers },
  };
}
