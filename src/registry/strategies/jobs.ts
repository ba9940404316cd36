import { cloneJson, equalJson, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid, notSupported, required } from '../field-errors.ts';
import { ensure, items, part, text } from '../fields.ts';
import { podSpecDefaults, templateDefaults } from '../pod/defaults.ts';
import { validatePodTemplate } from '../pod/validate-template.ts';
import type { Strategy } from '../strategy.ts';
import { scheduleFault } from '../validation/cron.ts';
import { IMMUTABLE, immutable } from '../validation/immutable.ts';
import { notNegative } from '../validation/numbers.ts';
import { validateOwnSelector } from '../validation/selectors.ts';

const CONTROLLER_UID = 'batch.kubernetes.io/controller-uid';
const JOB_NAME = 'batch.kubernetes.io/job-name';
const LEGACY_CONTROLLER_UID = 'controller-uid';
const LEGACY_JOB_NAME = 'job-name';
/** What indexes of a Job with many may fail before all of them has; upstream's int32. */
const ANY_NUMBER = 2 ** 31 - 1;
/** A Job's name is its CronJob's, a hyphen and ten digits: 63 characters in all. */
const LONGEST_CRON_NAME = 52;

export const jobs: Strategy = {
  resource: 'jobs.batch',
  generation: true,
  orphansByDefault: true,
  defaults(job) {
    const spec = ensure(job, 'spec');
    jobDefaults(spec);
    templateDefaults(job);
    const { labels } = part(part(spec, 'template'), 'metadata');
    if (labels !== undefined && Object.keys(job.metadata.labels ?? {}).length === 0)
      job.metadata.labels = { ...(labels as Record<string, string>) }; // Conformed.
  },
  prepareCreate: generateSelector,
  validate: (job) => validateJob(job),
  validateUpdate: validateJobUpdate,
};

export const cronJobs: Strategy = {
  resource: 'cronjobs.batch',
  generation: true,
  defaults(job) {
    const spec = ensure(part(part(job, 'spec'), 'jobTemplate'), 'spec');
    // A template's numbers are those of the Jobs that are made of it: only what its pods say is filled in here.
    const pod = part(part(spec, 'template'), 'spec');
    if (Object.keys(pod).length > 0) podSpecDefaults(pod);
  },
  validate: validateCronJob,
};

function jobDefaults(spec: JsonObject): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : ANY_NUMBER;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
}

/** A Job finds its pods by its own uid, unless its author says that he chose a selector. */
function generateSelector(job: ApiObject): void {
  const spec = ensure(job, 'spec');
  if (spec.manualSelector === true) return;
  const template = ensure(spec, 'template');
  const labels = ensure(ensure(template, 'metadata'), 'labels');
  const { name = '', uid } = job.metadata; // One without a name is refused later.
  labels[LEGACY_JOB_NAME] ??= name;
  labels[JOB_NAME] ??= name;
  labels[LEGACY_CONTROLLER_UID] ??= uid;
  labels[CONTROLLER_UID] ??= uid;
  ensure(ensure(spec, 'selector'), 'matchLabels')[CONTROLLER_UID] ??= uid;
}

function validateJob(job: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(job, 'spec');
  const details = validateJobSpec(spec, 'spec');
  validateOwnSelector(spec, { kind: 'job', details });
  const wanted = { matchLabels: { [CONTROLLER_UID]: job.metadata.uid } };
  const legacy = { matchLabels: { [LEGACY_CONTROLLER_UID]: job.metadata.uid } };
  const own = equalJson(spec.selector, wanted) || equalJson(spec.selector, legacy);
  if (spec.manualSelector !== true && !own)
    details.push(invalid('spec.selector', spec.selector, '`selector` not auto-generated'));
  return details;
}

function validateJobSpec(spec: JsonObject, path: string): ErrorDetail[] {
  const details = notNegative(
    spec,
    path,
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  );
  const indexed = spec.completionMode === 'Indexed';
  if (indexed && spec.completions === undefined)
    details.push(required(`${path}.completions`, 'when completion mode is Indexed'));
  if (indexed && Number(spec.parallelism) > 100_000)
    details.push(
      invalid(
        `${path}.parallelism`,
        spec.parallelism,
        'must be less than or equal to 100000 when completion mode is Indexed',
      ),
    );
  if (!indexed && spec.backoffLimitPerIndex !== undefined)
    details.push(
      invalid(`${path}.backoffLimitPerIndex`, spec.backoffLimitPerIndex, 'requires indexed completion mode'),
    );
  details.push(...validatePodTemplate(part(spec, 'template'), `${path}.template`));
  const policy = text(part(part(spec, 'template'), 'spec'), 'restartPolicy');
  const at = `${path}.template.spec.restartPolicy`;
  if (policy === '' || policy === 'Always') details.push(required(at, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never')
    details.push(notSupported(at, policy, ['OnFailure', 'Never']));
  if (spec.podFailurePolicy !== undefined) details.push(...validateFailurePolicy(spec, path));
  return details;
}

function validateFailurePolicy(spec: JsonObject, path: string): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const policy = text(part(part(spec, 'template'), 'spec'), 'restartPolicy');
  if (policy !== 'Never')
    details.push(
      invalid(
        `${path}.template.spec.restartPolicy`,
        policy,
        'only "Never" is supported when podFailurePolicy is specified',
      ),
    );
  for (const [index, rule] of items(part(spec, 'podFailurePolicy'), 'rules').entries()) {
    const at = `${path}.podFailurePolicy.rules[${index}]`;
    const action = text(rule, 'action');
    if (!['Count', 'FailIndex', 'FailJob', 'Ignore'].includes(action))
      details.push(notSupported(`${at}.action`, action, ['Count', 'FailIndex', 'FailJob', 'Ignore']));
    const given = Number(rule.onExitCodes !== undefined) + Number(items(rule, 'onPodConditions').length > 0);
    if (given === 0)
      details.push(invalid(at, rule, 'specifying one of OnExitCodes and OnPodConditions is required'));
    if (given === 2)
      details.push(invalid(at, rule, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  }
  return details;
}

/** What may change: how much is done at once, deadlines, whether it is suspended, and where it runs before it has begun. */
function validateJobUpdate(job: Readonly<ApiObject>, old: Readonly<ApiObject>): ErrorDetail[] {
  const next = part(job, 'spec');
  const before = part(old, 'spec');
  const change = { next, before, path: 'spec' };
  const details = immutable(
    change,
    'selector',
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  );
  // An indexed Job may grow and shrink when both of its numbers do so together.
  const elastic = next.completionMode === 'Indexed' && next.completions === next.parallelism;
  if (!elastic) details.push(...immutable(change, 'completions'));
  const waits = before.suspend === true && part(old, 'status').startTime === undefined;
  const template = waits ? withPlacement(part(next, 'template'), part(before, 'template')) : next.template;
  if (!equalJson(template, before.template)) details.push(invalid('spec.template', next.template, IMMUTABLE));
  return details;
}

/** The template with what says where its pods run as it was. */
function withPlacement(template: JsonObject, before: Readonly<JsonObject>): JsonObject {
  const copy = cloneJson(template);
  const take = (to: JsonObject, from: JsonObject, ...fields: string[]) => {
    for (const field of fields) {
      if (from[field] === undefined) delete to[field];
      else to[field] = from[field];
    }
  };
  take(ensure(copy, 'metadata'), part(before, 'metadata'), 'labels', 'annotations');
  take(
    ensure(copy, 'spec'),
    part(before, 'spec'),
    'affinity',
    'nodeSelector',
    'tolerations',
    'schedulingGates',
  );
  return copy;
}

function validateCronJob(job: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(job, 'spec');
  const details = notNegative(
    spec,
    'spec',
    'startingDeadlineSeconds',
    'successfulJobsHistoryLimit',
    'failedJobsHistoryLimit',
  );
  const { name = '' } = job.metadata;
  if (name.length > LONGEST_CRON_NAME)
    details.push(invalid('metadata.name', name, `must be no more than ${LONGEST_CRON_NAME} characters`));
  const schedule = text(spec, 'schedule');
  if (schedule === '') details.push(required('spec.schedule'));
  else details.push(...validateSchedule(schedule, spec));
  if (spec.timeZone !== undefined) details.push(...validateTimeZone(text(spec, 'timeZone')));
  const template = part(part(spec, 'jobTemplate'), 'spec');
  const path = 'spec.jobTemplate.spec';
  details.push(...validateJobSpec(template, path));
  if (template.selector !== undefined)
    details.push(invalid(`${path}.selector`, template.selector, '`selector` will be auto-generated'));
  if (template.manualSelector === true)
    details.push(notSupported(`${path}.manualSelector`, template.manualSelector, ['nil', 'false']));
  return details;
}

function validateSchedule(schedule: string, spec: JsonObject): ErrorDetail[] {
  if (schedule.includes('TZ'))
    return [
      invalid(
        'spec.schedule',
        schedule,
        spec.timeZone === undefined
          ? 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'
          : 'cannot use both timeZone field and TZ or CRON_TZ in schedule',
      ),
    ];
  const fault = scheduleFault(schedule);
  return fault === undefined ? [] : [invalid('spec.schedule', schedule, fault)];
}

function validateTimeZone(zone: string): ErrorDetail[] {
  const field = 'spec.timeZone';
  if (zone === '') return [invalid(field, zone, 'timeZone must be nil or non-empty string')];
  if (zone.toLowerCase() === 'local')
    return [
      invalid(
        field,
        zone,
        'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      ),
    ];
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return [];
  } catch {
    return [invalid(field, zone, `unknown time zone ${zone}`)];
  }
}
