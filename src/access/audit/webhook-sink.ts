import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { WebhookCaller } from '../webhooks/caller.ts';
import type { WebhookEndpoint } from '../webhooks/endpoint.ts';
import { type AuditSink, queuedSink } from './sink.ts';

export interface WebhookSinkOptions {
  readonly caller: WebhookCaller;
  readonly endpoint: WebhookEndpoint;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Posts events as `EventList`s, each a few times before it is given up. */
export function webhookSink({ caller, endpoint, clock, log }: WebhookSinkOptions): AuditSink {
  const write = async (lines: readonly string[]) => {
    const items = lines.map((line) => JSON.parse(line) as object); // Written by the queue.
    const body = { kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items };
    for (let attempt = 1; ; attempt++) {
      try {
        const { signal } = new AbortController(); // The call has a deadline of its own.
        await caller.post(endpoint, body, { timeoutSeconds: LIMITS.accessWebhookSeconds, signal });
        return;
      } catch (error) {
        if (attempt >= LIMITS.auditTries) throw AmphoraError.during('posting audit events', error);
        await clock.sleep(LIMITS.auditRetryMs * attempt);
      }
    }
  };
  return queuedSink({ log, write, batch: LIMITS.auditBatchEvents });
}
