import { toTime } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { planDangling } from './plan.ts';

const COLLECTION = { apiVersion: 'flowcontrol.apiserver.k8s.io/v1', resource: 'flowschemas' };
/** Stands for all schemas: a level came or went. */
const ALL = '';

/** Says of each FlowSchema whether its level is there. */
export function flowSchemaController({ client, informers, clock }: ControllerParts): Controller {
  const { flowSchemas, priorityLevels } = informers;
  const reconcileOne = async (name: string, signal: AbortSignal) => {
    const schema = flowSchemas.get(name);
    if (schema === undefined) return;
    const level = schema.spec?.priorityLevelConfiguration.name ?? '';
    const hasLevel = priorityLevels.get(level) !== undefined;
    const conditions = planDangling(schema, { hasLevel, now: toTime(clock.now()) });
    if (conditions === undefined) return;
    const body = { metadata: { resourceVersion: schema.metadata?.resourceVersion }, status: { conditions } };
    const reference = { ...COLLECTION, name, subresource: 'status' };
    await client.patch(reference, { type: 'merge', body }, { signal }).catch((error: unknown) => {
      // What was read is not the newest: the event of the newer one brings the name again.
      if (!isCode(error, 'Conflict', 'NotFound')) throw error;
    });
  };
  return {
    name: 'flow-schema',
    sources: [
      { informer: flowSchemas, keyOf: (name) => name },
      { informer: priorityLevels, keyOf: () => ALL },
    ],
    async reconcile(name, signal) {
      const names = name === ALL ? flowSchemas.list().map(({ metadata }) => metadata?.name ?? '') : [name];
      for (const each of names) await reconcileOne(each, signal);
      return undefined;
    },
  };
}
