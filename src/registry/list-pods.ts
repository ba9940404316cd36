import type { ApiObject } from '../api/kind.ts';
import { LIMITS } from '../lib/limits.ts';
import { platformContext } from './platform-context.ts';
import type { Registry } from './registry.ts';

const READER = { name: 'system:amphora:services', uid: '', groups: [], extra: {} };

/** The pods of a namespace, for calls to a service whose endpoints nobody writes. */
export async function listPods(
  registry: Registry,
  namespace: string,
): Promise<readonly Readonly<ApiObject>[]> {
  const kind = registry.kinds.find('', 'v1', 'pods');
  if (kind === undefined) return [];
  const context = platformContext(READER, AbortSignal.timeout(LIMITS.requestMs));
  const { items } = await registry.list(context, { kind, namespace }, {});
  return items.map((item) => item.object());
}
