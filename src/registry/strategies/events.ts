import { equalJson } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { qualifiedName } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid, required } from '../field-errors.ts';
import { part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { IMMUTABLE } from '../validation/immutable.ts';

const LONGEST_WORD = 128;
const LONGEST_NOTE = 1024;
const NEWER = 'events.k8s.io';

/** Names of stored fields as the newer group calls them: its messages are about these. */
const RENAMED: Readonly<Record<string, string>> = {
  involvedObject: 'involvedObject',
  message: 'message',
  reportingComponent: 'reportingController',
};

/** Of an event nothing changes but how often it was seen. */
const FIXED = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'reportingComponent',
  'reportingInstance',
  'action',
  'related',
  'type',
] as const;

/** Events of both groups: one storage, with older rules for who uses the core group. */
export const events: Strategy = {
  resource: 'events',
  createOnUpdate: true,
  validate(event, { asked, change }) {
    const details = validateNamespace(event);
    if (asked.group === NEWER && change === undefined) details.push(...validateNewer(event));
    else if (event.eventTime !== undefined && event.eventTime !== null) details.push(...validateWords(event));
    if (event.series !== undefined) details.push(...validateSeries(event));
    return details;
  },
  validateUpdate(event, old, asked) {
    if (asked?.group !== NEWER) return [];
    const fields = [...FIXED, 'eventTime'] as const;
    return fields
      .filter((field) => !equalJson(event[field], old[field]))
      .map((field) => invalid(RENAMED[field] ?? field, event[field], IMMUTABLE));
  },
};

/** An event stands with what it is about; one about what has no namespace in `default`. */
function validateNamespace(event: Readonly<ApiObject>): ErrorDetail[] {
  const about = text(part(event, 'involvedObject'), 'namespace');
  const { namespace = '' } = event.metadata;
  const fits = about === '' ? namespace === 'default' || namespace === '' : about === namespace;
  return fits ? [] : [invalid('involvedObject.namespace', about, 'does not match event.namespace')];
}

function validateNewer(event: Readonly<ApiObject>): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  if (event.eventTime === undefined || event.eventTime === null) details.push(required('eventTime'));
  details.push(...validateWords(event));
  if (event.type !== 'Normal' && event.type !== 'Warning')
    details.push(invalid('type', '', `has invalid value: ${text(event, 'type')}`));
  for (const field of ['firstTimestamp', 'lastTimestamp'] as const)
    if (event[field] !== undefined && event[field] !== null)
      details.push(invalid(field, '', 'needs to be unset'));
  if (event.count !== undefined && event.count !== 0) details.push(invalid('count', '', 'needs to be unset'));
  const source = part(event, 'source');
  if (text(source, 'component') !== '' || text(source, 'host') !== '')
    details.push(invalid('source', '', 'needs to be unset'));
  return details;
}

function validateWords(event: Readonly<ApiObject>): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  const controller = text(event, 'reportingComponent');
  if (controller === '') details.push(required('reportingController'));
  else
    details.push(...qualifiedName(controller).map((why) => invalid('reportingController', controller, why)));
  for (const field of ['reportingInstance', 'action', 'reason'] as const) {
    const value = text(event, field);
    if (value === '') details.push(required(field));
    else if (value.length > LONGEST_WORD)
      details.push(invalid(field, '', `can have at most ${LONGEST_WORD} characters`));
  }
  if (Buffer.byteLength(text(event, 'message')) > LONGEST_NOTE)
    details.push(invalid('message', '', `can have at most ${LONGEST_NOTE} characters`));
  return details;
}

function validateSeries(event: Readonly<ApiObject>): ErrorDetail[] {
  const { count, lastObservedTime } = part(event, 'series');
  const details: ErrorDetail[] = [];
  if (typeof count === 'number' && count < 2 && event.eventTime !== undefined && event.eventTime !== null)
    details.push(invalid('series.count', '', 'should be at least 2'));
  if (lastObservedTime === undefined || lastObservedTime === null)
    details.push(required('series.lastObservedTime'));
  return details;
}
