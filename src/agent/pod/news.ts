import type { Pod } from '../../api/types.generated.ts';
import { type StepContext, tell, updateContainer } from '../steps/context.ts';

/** What a worker tells as events when it notices it, once. */
export class PodNews {
  readonly #context: () => StepContext;
  readonly #told = new Set<string>();

  constructor(context: () => StepContext) {
    this.#context = context;
  }

  /** Once for each reason, until the agent starts anew; the API counts what repeats. */
  refusal(refusal: { readonly reason: string; readonly message: string }): void {
    if (this.#told.has(refusal.message)) return;
    this.#told.add(refusal.message);
    void tell(this.#context(), { type: 'Warning', ...refusal });
  }

  /** Which crashed containers wait for their next start; once for each attempt, until the agent starts anew. */
  waits(pod: Pod): void {
    const context = this.#context();
    const { containers, ended, namespace, name: podName, uid } = context.record();
    if (ended || pod.metadata?.deletionTimestamp !== undefined) return;
    for (const [name, container] of Object.entries(containers)) {
      const key = `backoff/${name}/${container.attempt}`;
      if (container.phase !== 'exited' || container.crashes < 2 || this.#told.has(key)) continue;
      this.#told.add(key);
      const message = `Back-off restarting failed container ${name} in pod ${podName}_${namespace}(${uid})`;
      void tell(context, { type: 'Warning', reason: 'BackOff', message, container: name });
    }
  }

  /** Every start becomes events, also one that a killed agent could not tell: the record says which were told. */
  starts(): void {
    const context = this.#context();
    for (const [name, container] of Object.entries(context.record().containers)) {
      const { attempt, phase, reportedAttempt } = container;
      const key = `start/${name}/${attempt}`;
      if (phase === 'starting' || reportedAttempt >= attempt || this.#told.has(key)) continue;
      this.#told.add(key);
      const say = (reason: string, message: string) =>
        tell(context, { type: 'Normal', reason, message, container: name });
      void say('Created', `Created container: ${name}`);
      if (container.startedAt === undefined) continue;
      void say('Started', `Started container ${name}`).then((safe) =>
        safe
          ? updateContainer(context, name, (one) => ({
              ...one,
              reportedAttempt: Math.max(one.reportedAttempt, attempt),
            }))
          : void this.#told.delete(key),
      );
    }
  }
}
