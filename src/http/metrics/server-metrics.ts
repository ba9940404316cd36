import { Gauge, type Metric } from '../../lib/metrics.ts';
import type { Fairness, LevelState } from '../fairness/fairness.ts';
import { processMetrics } from './process-metrics.ts';
import { RequestMetrics } from './request-metrics.ts';

/** Everything `/metrics` tells. */
export interface ServerMetrics {
  readonly requests: RequestMetrics;
  expose(): string;
}

/** @param more what other parts of the server measure */
export function createServerMetrics(fairness: Fairness, more: readonly Metric[] = []): ServerMetrics {
  const requests = new RequestMetrics();
  const all = [...requests.all, ...fairnessMetrics(fairness), ...more, ...processMetrics()];
  return { requests, expose: () => all.map((one) => one.expose()).join('') };
}

function fairnessMetrics(fairness: Fairness): Metric[] {
  const gauge = (name: string, help: string, of: (level: LevelState) => number) =>
    new Gauge({ name, help, labels: ['priority_level'] }, () =>
      fairness.levels().map((level) => [[level.name], of(level)]),
    );
  return [
    gauge('apiserver_flowcontrol_nominal_limit_seats', 'Seats of its own.', ({ seats }) => seats),
    gauge('apiserver_flowcontrol_current_executing_seats', 'Seats in use.', ({ inUse }) => inUse),
    gauge('apiserver_flowcontrol_current_inqueue_requests', 'Requests that wait.', ({ waiting }) => waiting),
    new Gauge(
      {
        name: 'apiserver_flowcontrol_rejected_requests_total',
        help: 'Requests turned away.',
        labels: ['priority_level'],
        type: 'counter',
      },
      () => fairness.levels().map(({ name, refused }) => [[name], refused]),
    ),
  ];
}
