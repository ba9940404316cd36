import { AmphoraError, type ErrorDetail } from '../lib/errors.ts';
import { forbidden, notSupported } from './field-errors.ts';

/** What lists and watches say about the revision they want. */
export interface RevisionOptions {
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
  readonly continue?: string;
  readonly sendInitialEvents?: boolean;
}

const MATCH = 'resourceVersionMatch';

/** apimachinery's ValidateListOptions. @throws Invalid */
export function checkListOptions(options: RevisionOptions): void {
  const { resourceVersionMatch: match = '', resourceVersion = '', sendInitialEvents } = options;
  const details: ErrorDetail[] = [];
  if (match !== '') {
    if (resourceVersion === '')
      details.push(forbidden(MATCH, `${MATCH} is forbidden unless resourceVersion is provided`));
    if ((options.continue ?? '') !== '')
      details.push(forbidden(MATCH, `${MATCH} is forbidden when continue is provided`));
    if (match !== 'Exact' && match !== 'NotOlderThan')
      details.push(notSupported(MATCH, match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && resourceVersion === '0')
      details.push(forbidden(MATCH, `${MATCH} "exact" is forbidden for resourceVersion "0"`));
  }
  if (sendInitialEvents !== undefined)
    details.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  refuse(details);
}

/** The same for a watch: https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists @throws Invalid */
export function checkWatchOptions(options: RevisionOptions): void {
  const { resourceVersionMatch: match = '', sendInitialEvents } = options;
  const details: ErrorDetail[] = [];
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan')
    details.push(forbidden(MATCH, `sendInitialEvents requires setting ${MATCH} to NotOlderThan`));
  if (match !== '') {
    if (sendInitialEvents === undefined)
      details.push(forbidden(MATCH, `${MATCH} is forbidden for watch unless sendInitialEvents is provided`));
    if (match !== 'NotOlderThan') details.push(notSupported(MATCH, match, ['NotOlderThan']));
    if ((options.continue ?? '') !== '')
      details.push(forbidden(MATCH, `${MATCH} is forbidden when continue is provided`));
  }
  refuse(details);
}

function refuse(details: readonly ErrorDetail[]): void {
  if (details.length === 0) return;
  const lines = details.map(({ field, message }) => `${field}: ${message}`);
  const all = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  throw new AmphoraError('Invalid', `ListOptions.meta.k8s.io "" is invalid: ${all}`, {
    about: { group: 'meta.k8s.io', kind: 'ListOptions', name: '' },
    details,
  });
}
