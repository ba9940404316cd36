import type { KindTable } from '../api/kind.ts';
import type { Client } from '../client/client.ts';
import { type Reconciled, runControlLoop } from '../client/control-loop.ts';
import type { Informer } from '../client/informer.ts';
import { WorkQueue } from '../client/work-queue.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Informers } from './informers.ts';

/** What a controller is made from. */
export interface ControllerParts {
  readonly client: Client;
  readonly informers: Informers;
  readonly kinds: KindTable;
  readonly clock: Clock;
  readonly log: Logger;
  /** PEM of the authority that signs the API's certificate. */
  readonly rootCa: string;
  readonly issue: CredentialIssuer;
}

/** Makes credentials with keys that controllers do not see. */
export interface CredentialIssuer {
  legacyToken(of: {
    readonly namespace: string;
    readonly account: { readonly name: string; readonly uid: string };
    readonly secret: string;
  }): Promise<string>;
  /** A client or server certificate of the cluster's authority for a request that was found good; both are PEM. */
  certificate(of: {
    readonly request: string;
    /** As a CertificateSigningRequest names them. */
    readonly usages: readonly string[];
    readonly seconds: number;
  }): Promise<string>;
}

/** A loop that brings the world of one key in order. It is told no event, so there is one path through it. */
export interface Controller {
  readonly name: string;
  /** What wakes it: each change of an informer's object, as the key to look at; undefined for none. */
  readonly sources: readonly Source[];
  reconcile(key: string, signal: AbortSignal): Promise<Reconciled | undefined>;
  /** What it follows besides its sources, until the signal aborts. */
  run?(signal: AbortSignal): Promise<void>;
  /** Keys worked on at once; two if left out. */
  readonly workers?: number;
}

export interface Source {
  readonly informer: Pick<Informer<object>, 'onChange' | 'whenSynced'>;
  readonly keyOf: (changed: string) => string | undefined;
}

const WORKERS = 2;

/** Runs a controller until the signal aborts. Starts to work when what it reads is in. */
export async function runController(
  controller: Controller,
  parts: ControllerParts,
  signal: AbortSignal,
): Promise<void> {
  const queue = new WorkQueue({ clock: parts.clock });
  const unsubscribe = controller.sources.map(({ informer, keyOf }) =>
    informer.onChange((changed) => {
      const key = keyOf(changed);
      if (key !== undefined) queue.add(key);
    }),
  );
  try {
    await Promise.all(controller.sources.map(({ informer }) => informer.whenSynced(signal)));
    const loop = runControlLoop({
      queue,
      workers: controller.workers ?? WORKERS,
      signal,
      log: parts.log.child({ controller: controller.name }),
      reconcile: (key, aborted) => controller.reconcile(key, aborted),
    });
    await Promise.all([loop, controller.run?.(signal)]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    for (const end of unsubscribe) end();
  }
}
