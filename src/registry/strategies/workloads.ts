import { equalJson, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { forbidden, invalid, notSupported, required } from '../field-errors.ts';
import { part } from '../fields.ts';
import { templateDefaults } from '../pod/defaults.ts';
import { validatePodTemplate } from '../pod/validate-template.ts';
import type { Strategy } from '../strategy.ts';
import { immutable } from '../validation/immutable.ts';
import { atMostAll, intOrPercent, isZero, notNegative } from '../validation/numbers.ts';
import { validateOwnSelector } from '../validation/selectors.ts';

/** Kinds that keep pods of a template running, and find them by a selector. */
export const workloads: readonly Strategy[] = [
  workload('deployments.apps', { validate: validateDeployment, validateUpdate: selectorStays }),
  workload('replicasets.apps', { validate: validateReplicaSet, validateUpdate: selectorStays }),
  workload('daemonsets.apps', { validate: validateDaemonSet, validateUpdate: selectorStays }),
  workload('statefulsets.apps', { validate: validateStatefulSet, validateUpdate: statefulSetStays }),
  {
    resource: 'replicationcontrollers',
    generation: true,
    orphansByDefault: true,
    defaults(controller) {
      templateDefaults(controller);
      const { labels } = part(part(part(controller, 'spec'), 'template'), 'metadata');
      const spec = part(controller, 'spec');
      if (labels === undefined) return;
      if (Object.keys(part(spec, 'selector')).length === 0) spec.selector = labels;
      if (Object.keys(controller.metadata.labels ?? {}).length === 0)
        controller.metadata.labels = labels as Record<string, string>; // Conformed.
    },
    validate: validateController,
  },
];

type Rules = Pick<Strategy, 'validateUpdate'> & { readonly validate: (spec: JsonObject) => ErrorDetail[] };

function workload(resource: string, { validate, validateUpdate }: Rules): Strategy {
  return {
    resource,
    generation: true,
    defaults: templateDefaults,
    validate: (object) => validate(part(object, 'spec')),
    ...(validateUpdate === undefined ? {} : { validateUpdate }),
  };
}

function selectorStays(object: Readonly<ApiObject>, old: Readonly<ApiObject>): ErrorDetail[] {
  return immutable({ next: part(object, 'spec'), before: part(old, 'spec'), path: 'spec' }, 'selector');
}

/** Of what keeps pods running: they start again when they end, and have no deadline. */
function validateTemplate(spec: JsonObject, kind: string): ErrorDetail[] {
  const { template } = spec;
  if (template === undefined) return [required('spec.template')];
  const details = validatePodTemplate(part(spec, 'template'), 'spec.template');
  const pod = part(template, 'spec');
  const policy = pod.restartPolicy;
  if (policy !== undefined && policy !== 'Always')
    details.push(notSupported('spec.template.spec.restartPolicy', policy, ['Always']));
  if (pod.activeDeadlineSeconds !== undefined)
    details.push(
      forbidden(
        'spec.template.spec.activeDeadlineSeconds',
        `activeDeadlineSeconds in ${kind} is not Supported`,
      ),
    );
  return details;
}

function validateDeployment(spec: JsonObject): ErrorDetail[] {
  const details = notNegative(spec, 'spec', 'replicas');
  validateOwnSelector(spec, { kind: 'deployment', details });
  details.push(...validateTemplate(spec, 'ReplicaSet'), ...validateStrategy(part(spec, 'strategy')));
  details.push(
    ...notNegative(spec, 'spec', 'minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds'),
  );
  const { progressDeadlineSeconds: deadline, minReadySeconds: ready = 0 } = spec;
  if (typeof deadline === 'number' && deadline <= Number(ready))
    details.push(invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
  return details;
}

function validateStrategy(strategy: JsonObject): ErrorDetail[] {
  const path = 'spec.strategy.rollingUpdate';
  const { type, rollingUpdate } = strategy;
  if (type === 'Recreate')
    return rollingUpdate === undefined
      ? []
      : [forbidden(path, "may not be specified when strategy `type` is 'Recreate'")];
  const { maxUnavailable, maxSurge } = part(strategy, 'rollingUpdate');
  const details = [
    ...intOrPercent(maxUnavailable, `${path}.maxUnavailable`),
    ...intOrPercent(maxSurge, `${path}.maxSurge`),
  ];
  if (isZero(maxUnavailable) && isZero(maxSurge) && rollingUpdate !== undefined)
    details.push(invalid(`${path}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  return [...details, ...atMostAll(maxUnavailable, `${path}.maxUnavailable`)];
}

function validateReplicaSet(spec: JsonObject): ErrorDetail[] {
  const details = notNegative(spec, 'spec', 'replicas', 'minReadySeconds');
  validateOwnSelector(spec, { kind: 'deployment', details }); // Upstream's words.
  return [...details, ...validateTemplate(spec, 'ReplicaSet')];
}

function validateController(controller: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(controller, 'spec');
  const details = notNegative(spec, 'spec', 'replicas', 'minReadySeconds');
  const selector = part(spec, 'selector');
  const labels = part(part(part(spec, 'template'), 'metadata'), 'labels');
  if (Object.keys(selector).length === 0) details.push(required('spec.selector'));
  else if (Object.entries(selector).some(([key, value]) => labels[key] !== value))
    details.push(
      invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'),
    );
  return [...details, ...validateTemplate(spec, 'ReplicationController')];
}

function validateDaemonSet(spec: JsonObject): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  validateOwnSelector(spec, { kind: 'daemonset', details });
  details.push(...validateTemplate(spec, 'DaemonSet'));
  details.push(...notNegative(spec, 'spec', 'minReadySeconds', 'revisionHistoryLimit'));
  const strategy = part(spec, 'updateStrategy');
  if (strategy.type !== 'RollingUpdate') return details;
  const path = 'spec.updateStrategy.rollingUpdate';
  if (strategy.rollingUpdate === undefined) return [...details, required(path)];
  const { maxUnavailable, maxSurge } = part(strategy, 'rollingUpdate');
  details.push(
    ...intOrPercent(maxUnavailable, `${path}.maxUnavailable`),
    ...intOrPercent(maxSurge, `${path}.maxSurge`),
  );
  if (!isZero(maxUnavailable) && !isZero(maxSurge))
    details.push(invalid(`${path}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  if (isZero(maxUnavailable) && isZero(maxSurge))
    details.push(required(`${path}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  return [
    ...details,
    ...atMostAll(maxUnavailable, `${path}.maxUnavailable`),
    ...atMostAll(maxSurge, `${path}.maxSurge`),
  ];
}

function validateStatefulSet(spec: JsonObject): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const strategy = part(spec, 'updateStrategy');
  const path = 'spec.updateStrategy.rollingUpdate';
  if (strategy.type === 'OnDelete' && strategy.rollingUpdate !== undefined)
    details.push(invalid(path, strategy.rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'"));
  const rolling = part(strategy, 'rollingUpdate');
  details.push(...notNegative(rolling, path, 'partition'));
  const { maxUnavailable } = rolling;
  details.push(
    ...intOrPercent(maxUnavailable, `${path}.maxUnavailable`),
    ...atMostAll(maxUnavailable, `${path}.maxUnavailable`),
  );
  if (maxUnavailable !== undefined && isZero(maxUnavailable))
    details.push(invalid(`${path}.maxUnavailable`, maxUnavailable, 'cannot be 0'));
  details.push(...notNegative(spec, 'spec', 'replicas', 'minReadySeconds', 'revisionHistoryLimit'));
  details.push(...notNegative(part(spec, 'ordinals'), 'spec.ordinals', 'start'));
  validateOwnSelector(spec, { kind: 'statefulset', details });
  return [...details, ...validateTemplate(spec, 'StatefulSet')];
}

const STATEFUL_SET_MAY =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

const STATEFUL_SET_CHANGES = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;

function statefulSetStays(object: Readonly<ApiObject>, old: Readonly<ApiObject>): ErrorDetail[] {
  const fixed = (spec: JsonObject) =>
    Object.fromEntries(
      Object.entries(spec).filter(([field]) => !STATEFUL_SET_CHANGES.some((change) => change === field)),
    );
  const same = equalJson(fixed(part(object, 'spec')), fixed(part(old, 'spec')));
  return same ? [] : [forbidden('spec', STATEFUL_SET_MAY)];
}
