import type { Strategy } from '../strategy.ts';
import { namespaces } from './namespaces.ts';
import { pods } from './pods.ts';

/** Every kind that needs more than its schema says. */
export function allStrategies(): readonly Strategy[] {
  return [namespaces, pods];
}
