import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid } from '../field-errors.ts';

const RANGE = 'must be between 1 and 65535, inclusive';

export function validatePortNumber(value: unknown, field: string): ErrorDetail[] {
  const good = typeof value === 'number' && value >= 1 && value <= 65535;
  return good ? [] : [invalid(field, value, RANGE)];
}

/** IANA's names of services, as apimachinery's IsValidPortName. */
export function portNameFaults(name: string): string[] {
  const faults: string[] = [];
  if (name.length > 15) faults.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(name))
    faults.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(name)) faults.push('must contain at least one letter (a-z)');
  if (name.includes('--')) faults.push('must not contain consecutive hyphens');
  if (name.startsWith('-') || name.endsWith('-')) faults.push('must not begin or end with a hyphen');
  return faults;
}

/** A port by number or by the name that a container gives it. */
export function validatePortReference(value: unknown, field: string): ErrorDetail[] {
  if (typeof value === 'number') return validatePortNumber(value, field);
  const name = String(value ?? '');
  return portNameFaults(name).map((why) => invalid(field, name, why));
}
