import type { NodeGraph, UsedObject } from '../../access/authz/node.ts';
import type { ApiObject } from '../../api/kind.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import { platformContext } from '../../registry/platform-context.ts';
import type { Registry } from '../../registry/registry.ts';

const READER = { name: 'system:amphora:node-authorizer', uid: '', groups: [], extra: {} };

/**
 * What is bound to which node, read from the registry each time: exact, and as dear as a list of the namespace's
 * pods. An index would be cheaper; a node asks only when a pod of its starts or is refreshed.
 */
export function createNodeGraph(registry: Registry): NodeGraph {
  const pods = () => {
    const kind = registry.kinds.find('', 'v1', 'pods');
    if (kind === undefined) throw new AmphoraError('Internal', 'the kind table has no pods');
    return kind;
  };
  return {
    podIsOn: async (node, { namespace, name }, signal) => {
      try {
        const found = await registry.get(
          platformContext(READER, signal),
          { kind: pods(), namespace, name },
          {},
        );
        return podSpec(found.object()).nodeName === node;
      } catch (error) {
        if (isCode(error, 'NotFound')) return false;
        throw error;
      }
    },
    isUsedOn: async (node, object, signal) => {
      const target = { kind: pods(), namespace: object.namespace };
      const { items } = await registry.list(platformContext(READER, signal), target, {
        fieldSelector: `spec.nodeName=${node}`,
      });
      return items.some((pod) => uses(podSpec(pod.object()), object));
    },
  };
}

type Spec = Record<string, unknown> & { readonly nodeName?: string; readonly serviceAccountName?: string };

function podSpec(pod: Readonly<ApiObject>): Spec {
  return (pod.spec ?? {}) as Spec; // The kind's schema.
}

/** Keys under which a pod's spec names an object, at any depth. */
const REFERENCES = {
  secrets: {
    containers: ['secretRef', 'secretKeyRef', 'secret', 'nodePublishSecretRef'],
    lists: ['imagePullSecrets'],
    names: ['secretName', 'name'],
  },
  configmaps: { containers: ['configMap', 'configMapRef', 'configMapKeyRef'], lists: [], names: ['name'] },
  persistentvolumeclaims: { containers: ['persistentVolumeClaim'], lists: [], names: ['claimName'] },
} as const;

function uses(spec: Spec, { resource, name }: UsedObject): boolean {
  if (resource === 'serviceaccounts') return (spec.serviceAccountName ?? 'default') === name;
  const { containers, lists, names } = REFERENCES[resource];
  const isNamed = (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    names.some((field) => (value as Record<string, unknown>)[field] === name);
  const walk = (value: unknown): boolean => {
    if (typeof value !== 'object' || value === null) return false;
    return Object.entries(value).some(([key, child]) => {
      if ((containers as readonly string[]).includes(key) && isNamed(child)) return true;
      if ((lists as readonly string[]).includes(key) && Array.isArray(child) && child.some(isNamed))
        return true;
      return walk(child);
    });
  };
  return walk(spec);
}
