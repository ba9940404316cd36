import type { JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { forbidden, invalid, notSupported, required } from '../field-errors.ts';
import { ensure, items, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';

/** Upstream's bounds. */
const MOST = { precedence: 10_000, queues: 10_000_000, percent: 100, borrowing: 2 ** 31 - 1 };

/** Which requests are served first: https://kubernetes.io/docs/concepts/cluster-administration/flow-control/ */
export const flowControl: readonly Strategy[] = [
  {
    resource: 'flowschemas.flowcontrol.apiserver.k8s.io',
    generation: true,
    defaults: (schema) => {
      ensure(schema, 'spec').matchingPrecedence ??= 1000;
    },
    validate: validateSchema,
  },
  {
    resource: 'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io',
    generation: true,
    defaults: defaultLevel,
    validate: validateLevel,
  },
];

function defaultLevel(level: ApiObject): void {
  const spec = ensure(level, 'spec');
  if (spec.type === 'Exempt') {
    const exempt = ensure(spec, 'exempt');
    exempt.nominalConcurrencyShares ??= 0;
    exempt.lendablePercent ??= 0;
  }
  if (spec.type !== 'Limited' || spec.limited === undefined) return;
  const limited = ensure(spec, 'limited');
  limited.nominalConcurrencyShares ??= 30;
  limited.lendablePercent ??= 0;
  const response = part(limited, 'limitResponse');
  if (response.type !== 'Queue' || response.queuing === undefined) return;
  const queuing = ensure(response, 'queuing');
  queuing.queues ??= 64;
  queuing.handSize ??= 8;
  queuing.queueLengthLimit ??= 50;
}

function validateSchema(schema: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(schema, 'spec');
  const details: ErrorDetail[] = [];
  if (!between(spec.matchingPrecedence, 1, MOST.precedence))
    details.push(
      invalid('spec.matchingPrecedence', spec.matchingPrecedence, `must be between 1 and ${MOST.precedence}`),
    );
  else if (spec.matchingPrecedence === 1 && schema.metadata.name !== 'exempt')
    details.push(
      invalid('spec.matchingPrecedence', 1, "only the schema named 'exempt' may have matchingPrecedence 1"),
    );
  if (text(part(spec, 'priorityLevelConfiguration'), 'name') === '')
    details.push(required('spec.priorityLevelConfiguration.name', 'must reference a priority level'));
  const { distinguisherMethod } = spec;
  const method = text(distinguisherMethod, 'type');
  if (distinguisherMethod !== undefined && method !== 'ByUser' && method !== 'ByNamespace')
    details.push(notSupported('spec.distinguisherMethod', distinguisherMethod, ['ByNamespace', 'ByUser']));
  for (const [index, rule] of items(spec, 'rules').entries())
    details.push(...validateRule(rule, `spec.rules[${index}]`));
  return details;
}

function validateRule(rule: JsonObject, at: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const subjects = items(rule, 'subjects');
  if (subjects.length === 0)
    details.push(required(`${at}.subjects`, 'subjects must contain at least one value'));
  for (const [index, subject] of subjects.entries()) {
    const kind = text(subject, 'kind');
    const member = { User: 'user', Group: 'group', ServiceAccount: 'serviceAccount' }[kind];
    if (member === undefined)
      details.push(notSupported(`${at}.subjects[${index}].kind`, kind, ['Group', 'ServiceAccount', 'User']));
    else if (text(part(subject, member), 'name') === '')
      details.push(required(`${at}.subjects[${index}].${member}.name`));
  }
  const resources = items(rule, 'resourceRules');
  if (resources.length === 0 && items(rule, 'nonResourceRules').length === 0)
    details.push(required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  for (const [index, one] of resources.entries())
    if (one.clusterScope !== true && !(Array.isArray(one.namespaces) && one.namespaces.length > 0))
      details.push(
        required(
          `${at}.resourceRules[${index}].namespaces`,
          'resource rules that are not cluster scoped must supply at least one namespace',
        ),
      );
  return details;
}

function validateLevel(level: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(level, 'spec');
  const { name } = level.metadata;
  const details: ErrorDetail[] = [];
  if ((name === 'exempt') !== (spec.type === 'Exempt'))
    details.push(invalid('spec.type', spec.type, "type must be 'Exempt' if and only if `name` is 'exempt'"));
  if (spec.type === 'Limited') {
    if (spec.exempt !== undefined)
      details.push(forbidden('spec.exempt', 'must be nil if the type is Limited'));
    if (spec.limited === undefined)
      return [...details, required('spec.limited', 'must not be empty when type is Limited')];
    details.push(...validateLimited(part(spec, 'limited')));
  } else if (spec.type === 'Exempt') {
    if (spec.limited !== undefined)
      details.push(forbidden('spec.limited', 'must be nil if the type is not Limited'));
  } else details.push(notSupported('spec.type', spec.type, ['Exempt', 'Limited']));
  return details;
}

function validateLimited(limited: JsonObject): ErrorDetail[] {
  const at = 'spec.limited';
  const details: ErrorDetail[] = [];
  const check = (field: string, value: unknown, [least, most]: readonly [number, number]) => {
    if (value !== undefined && !between(value, least, most))
      details.push(invalid(`${at}.${field}`, value, `must be between ${least} and ${most}, inclusive`));
  };
  check('nominalConcurrencyShares', limited.nominalConcurrencyShares, [0, MOST.borrowing]);
  check('lendablePercent', limited.lendablePercent, [0, MOST.percent]);
  check('borrowingLimitPercent', limited.borrowingLimitPercent, [0, MOST.borrowing]);
  const response = part(limited, 'limitResponse');
  if (response.type === 'Reject') {
    if (response.queuing !== undefined)
      details.push(
        forbidden(`${at}.limitResponse.queuing`, 'must be nil if limited.limitResponse.type is not Limited'),
      );
  } else if (response.type === 'Queue') {
    const queuing = part(response, 'queuing');
    if (response.queuing === undefined)
      return [
        ...details,
        required(`${at}.limitResponse.queuing`, 'must not be empty if limited.limitResponse.type is Limited'),
      ];
    check('limitResponse.queuing.queueLengthLimit', queuing.queueLengthLimit, [1, MOST.borrowing]);
    check('limitResponse.queuing.queues', queuing.queues, [1, MOST.queues]);
    check('limitResponse.queuing.handSize', queuing.handSize, [1, Number(queuing.queues)]);
    // More decks of cards than a 60 bit number can tell apart: upstream refuses them, and so small hands suffice.
    if (Number(queuing.handSize) * Math.log2(Math.max(2, Number(queuing.queues))) > 60)
      details.push(
        invalid(
          `${at}.limitResponse.queuing.handSize`,
          queuing.handSize,
          `required entropy bits of deckSize ${queuing.queues} and handSize ${queuing.handSize} should not be greater than 60`,
        ),
      );
  } else details.push(notSupported(`${at}.limitResponse.type`, response.type, ['Queue', 'Reject']));
  return details;
}

function between(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}
