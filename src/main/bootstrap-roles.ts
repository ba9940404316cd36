import { type DefaultStep, planDefaults } from '../access/authz/bootstrap/plan.ts';
import { RBAC_GROUP } from '../access/authz/rbac/rbac.ts';
import type { LiveView } from '../access/live.ts';
import type { Client } from '../client/client.ts';
import { isCode } from '../lib/errors.ts';

/** Writes what is missing of the default roles and bindings; on every start but the first that is nothing. */
export async function bootstrapRoles(client: Client, live: LiveView, signal: AbortSignal): Promise<void> {
  await Promise.all(planDefaults(live).map((step) => act(client, step, signal)));
}

async function act(
  client: Client,
  { kind, resource, object }: DefaultStep,
  signal: AbortSignal,
): Promise<void> {
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
    if (!isCode(error, 'AlreadyExists', 'Conflict', 'NotFound')) throw error;
  }
}
