import type { ApiObject } from '../api/kind.ts';
import type { LiveObjects } from './live.ts';

const NONE: readonly Readonly<ApiObject>[] = [];

/** The objects of each namespace, kept as they change. */
export function byNamespace(objects: LiveObjects): (namespace: string) => readonly Readonly<ApiObject>[] {
  const spaces = new Map<string, Readonly<ApiObject>[]>();
  objects.listen((object, gone) => {
    const { namespace = '', name } = object.metadata;
    const others = (spaces.get(namespace) ?? []).filter(({ metadata }) => metadata.name !== name);
    if (!gone) others.push(object);
    if (others.length === 0) spaces.delete(namespace);
    else spaces.set(namespace, others);
  });
  return (namespace) => spaces.get(namespace) ?? NONE;
}
