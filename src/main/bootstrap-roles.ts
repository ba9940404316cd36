import { type DefaultStep, planDefaults } from '../access/authz/bootstrap/plan.ts';
import { RBAC_GROUP } from '../access/authz/rbac/rbac.ts';
import type { LiveView } from '../access/live.ts';
import type { Client } from '../client/client.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';

/** Written at once: enough to share a flush, few enough to let others in between. */
const TOGETHER = 8;

interface Bootstrapping {
  readonly live: LiveView;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Writes what is missing of the default roles and bindings; on every start but the first that is nothing. */
export async function bootstrapRoles(client: Client, options: Bootstrapping): Promise<void> {
  const steps = planDefaults(options.live);
  for (let at = 0; at < steps.length; at += TOGETHER)
    await Promise.all(steps.slice(at, at + TOGETHER).map((step) => act(client, step, options)));
}

async function act(client: Client, step: DefaultStep, { log, signal }: Bootstrapping): Promise<void> {
  const { kind, resource, object } = step;
  const { name, namespace } = object.metadata;
  const collection = {
    apiVersion: `${RBAC_GROUP}/v1`,
    resource,
    ...(namespace === undefined ? {} : { namespace }),
  };
  try {
    if (kind === 'update') {
      await client.update({ ...collection, name }, object, { signal });
      return;
    }
    if (kind === 'replace') await client.delete({ ...collection, name }, {}, { signal });
    await client.create(collection, object, { signal });
  } catch (error) {
    // Another server of the same store is starting too, and writes the same.
    if (isCode(error, 'AlreadyExists', 'Conflict', 'NotFound')) return;
    const { fate, message } = AmphoraError.from(error);
    if (signal.aborted || fate === 'transient') throw error;
    // A webhook or a policy of the cluster will not have it: that is no reason not to serve.
    log.warn({ resource, name, reason: message }, 'a default role could not be written');
  }
}
