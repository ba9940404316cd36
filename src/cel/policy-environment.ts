import type { StructTypes } from './build/scope.ts';
import { compileExpression, type Program } from './cel.ts';
import { type CelType, listOf, mapOf, type ObjectType, opaque, TYPES } from './types.ts';

/** What an expression of a policy or of a webhook's conditions may name. */
export interface Environment {
  readonly hasParams?: boolean;
  readonly hasAuthorizer?: boolean;
  /** Of the policy's `variables`, those that stand before. */
  readonly variables?: ReadonlyMap<string, CelType>;
  /** Whether it may make `Object{…}` and `JSONPatch{…}`. */
  readonly patches?: boolean;
  /** Of `object` and `oldObject`; any where left out. */
  readonly object?: CelType;
  readonly params?: CelType;
}

/** @throws Invalid in upstream's words */
export function compilePolicyExpression(
  source: string,
  environment: Environment,
  returns?: readonly CelType[],
): Program {
  return compileExpression(source, {
    variables: declarations(environment),
    ...(returns === undefined ? {} : { returns }),
    ...(environment.patches === true ? { structs: PATCH_TYPES } : {}),
  });
}

function declarations(environment: Environment): Record<string, CelType> {
  const { hasParams, hasAuthorizer, variables, object = TYPES.dyn, params = TYPES.dyn } = environment;
  return {
    object,
    oldObject: object,
    request: REQUEST,
    namespaceObject: NAMESPACE,
    ...(hasParams === true ? { params } : {}),
    ...(hasAuthorizer === true
      ? {
          authorizer: opaque('kubernetes.authorization.Authorizer'),
          'authorizer.requestResource': opaque('kubernetes.authorization.ResourceCheck'),
        }
      : {}),
    ...(variables === undefined ? {} : { variables: record('kubernetes.variables', variables) }),
  };
}

function record(
  name: string,
  fields: ReadonlyMap<string, CelType> | Readonly<Record<string, CelType>>,
): ObjectType {
  const known =
    fields instanceof Map ? (fields as ReadonlyMap<string, CelType>) : new Map(Object.entries(fields));
  return {
    kind: 'object',
    name,
    field: (member) => {
      const type = known.get(member);
      return type === undefined ? undefined : { member, type };
    },
  };
}

const TEXTS = listOf(TYPES.string);
const TEXT_MAP = mapOf(TYPES.string, TYPES.string);
const KIND = record('kubernetes.GroupVersionKind', {
  group: TYPES.string,
  version: TYPES.string,
  kind: TYPES.string,
});
const RESOURCE = record('kubernetes.GroupVersionResource', {
  group: TYPES.string,
  version: TYPES.string,
  resource: TYPES.string,
});

/** https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/: AdmissionRequest without objects. */
const REQUEST = record('kubernetes.AdmissionRequest', {
  kind: KIND,
  resource: RESOURCE,
  subResource: TYPES.string,
  requestKind: KIND,
  requestResource: RESOURCE,
  requestSubResource: TYPES.string,
  name: TYPES.string,
  namespace: TYPES.string,
  operation: TYPES.string,
  userInfo: record('kubernetes.UserInfo', {
    username: TYPES.string,
    uid: TYPES.string,
    groups: TEXTS,
    extra: mapOf(TYPES.string, TEXTS),
  }),
  dryRun: TYPES.bool,
  options: TYPES.dyn,
});

const NAMESPACE = record('kubernetes.Namespace', {
  metadata: record('kubernetes.NamespaceMetadata', {
    name: TYPES.string,
    generateName: TYPES.string,
    namespace: TYPES.string,
    labels: TEXT_MAP,
    annotations: TEXT_MAP,
    UID: TYPES.string,
    creationTimestamp: TYPES.timestamp,
    deletionGracePeriodSeconds: TYPES.int,
    deletionTimestamp: TYPES.timestamp,
    generation: TYPES.int,
    resourceVersion: TYPES.string,
    finalizers: TEXTS,
  }),
  spec: record('kubernetes.NamespaceSpec', { finalizers: TEXTS }),
  status: record('kubernetes.NamespaceStatus', {
    phase: TYPES.string,
    conditions: listOf(
      record('kubernetes.NamespaceCondition', {
        status: TYPES.string,
        type: TYPES.string,
        lastTransitionTime: TYPES.timestamp,
        message: TYPES.string,
        reason: TYPES.string,
      }),
    ),
  }),
});

/** The results of a mutation's expression. */
export const APPLY_CONFIGURATION: CelType = { kind: 'object', name: 'Object', field: anyField };
export const JSON_PATCH: CelType = record('JSONPatch', {
  op: TYPES.string,
  path: TYPES.string,
  from: TYPES.string,
  value: TYPES.dyn,
});

function anyField(member: string): { readonly member: string; readonly type: CelType } {
  return { member, type: TYPES.dyn };
}

/** `Object`, `Object.spec`, `Object.spec.template`, …: any field of any type, as upstream has it. */
const PATCH_TYPES: StructTypes = (name) => {
  if (name === 'JSONPatch') return JSON_PATCH;
  if (name === 'Object') return APPLY_CONFIGURATION;
  return name.startsWith('Object.') ? { kind: 'object', name, field: anyField } : undefined;
};
