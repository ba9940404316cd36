import { managerDetails } from '../../api/field-manager.ts';
import { AmphoraError, type ErrorDetail } from '../../lib/errors.ts';
import { notSupported, required } from '../../registry/field-errors.ts';
import type { RequestContext } from '../../registry/registry.ts';
import type { Exchange } from '../exchange.ts';
import { contextOf } from './context.ts';

export type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions';

const VALIDATIONS: readonly string[] = ['Ignore', 'Strict', 'Warn'];

/**
 * The context of a write, its options checked as upstream's `ValidateCreateOptions` and its kin do.
 * @throws Invalid
 */
export function writeContextOf(exchange: Exchange, kind: OptionsKind, isApply = false): RequestContext {
  const { query } = exchange;
  const details = [
    ...(isApply && !query.get('fieldManager')
      ? [required('fieldManager', 'is required for apply patch')]
      : []),
    ...(kind === 'PatchOptions' && !isApply && query.has('force') ? [forbiddenForce()] : []),
    ...managerDetails(query.get('fieldManager') ?? '', 'fieldManager'),
    ...dryRunDetails(query.getAll('dryRun')),
    ...validationDetails(query.get('fieldValidation') ?? ''),
  ];
  if (details.length > 0) throw invalidOptions(kind, details);
  return contextOf(exchange);
}

function dryRunDetails(values: readonly string[]): ErrorDetail[] {
  return values.every((value) => value === 'All') ? [] : [notSupported('dryRun', values, ['All'])];
}

function validationDetails(value: string): ErrorDetail[] {
  if (value === '' || VALIDATIONS.includes(value)) return [];
  return [notSupported('fieldValidation', value, ['', ...VALIDATIONS])];
}

function forbiddenForce(): ErrorDetail {
  const message = 'Forbidden: may not be specified for non-apply patch';
  return { reason: 'FieldValueForbidden', field: 'force', message };
}

function invalidOptions(kind: OptionsKind, details: readonly ErrorDetail[]): AmphoraError {
  const lines = details.map(({ field, message }) => `${field}: ${message}`);
  const all = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  return new AmphoraError('Invalid', `${kind}.meta.k8s.io "" is invalid: ${all}`, {
    about: { group: 'meta.k8s.io', kind },
    details,
  });
}
