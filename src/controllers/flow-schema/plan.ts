import type { FlowSchema, FlowSchemaCondition } from '../../api/types.generated.ts';

const DANGLING = 'Dangling';

/** The condition that says whether a schema's level is there, in upstream's words; undefined when it says so already. */
export function planDangling(
  schema: FlowSchema,
  world: { readonly hasLevel: boolean; readonly now: string },
): FlowSchemaCondition[] | undefined {
  const conditions = schema.status?.conditions ?? [];
  const level = JSON.stringify(schema.spec?.priorityLevelConfiguration.name ?? '');
  const wanted = world.hasLevel
    ? {
        status: 'False',
        reason: 'Found',
        message: `This FlowSchema references the PriorityLevelConfiguration object named ${level} and it exists`,
      }
    : {
        status: 'True',
        reason: 'NotFound',
        message: `This FlowSchema references the PriorityLevelConfiguration object named ${level} but there is no such object`,
      };
  const known = conditions.find(({ type }) => type === DANGLING);
  if (known?.status === wanted.status && known.message === wanted.message) return undefined;
  const isSame = known?.status === wanted.status && known.lastTransitionTime !== undefined;
  const lastTransitionTime = isSame ? known.lastTransitionTime : world.now;
  const made = {
    type: DANGLING,
    ...wanted,
    ...(lastTransitionTime === undefined ? {} : { lastTransitionTime }),
  };
  return [...conditions.filter(({ type }) => type !== DANGLING), made];
}
