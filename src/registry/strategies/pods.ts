import type { Strategy } from '../strategy.ts';
export const pods: Strategy = { resource: 'pods', generation: true };
