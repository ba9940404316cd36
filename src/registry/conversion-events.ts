import type { ApiObject } from '../api/kind.ts';

/** Fields that only their name tells apart in core/v1 and events.k8s.io/v1. */
const RENAMED: readonly (readonly [core: string, newer: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

/** core/v1 Event <-> events.k8s.io/v1 Event: the same facts under other names. */
export function convertEvent(event: Readonly<ApiObject>, apiVersion: string): ApiObject {
  const toCore = apiVersion === 'v1';
  const names = new Map(RENAMED.map(([core, newer]) => (toCore ? [newer, core] : [core, newer])));
  const renamed = Object.entries(event).map(([field, value]) => [names.get(field) ?? field, value]);
  return { ...(Object.fromEntries(renamed) as ApiObject), apiVersion }; // The same fields under other names.
}
