import type { ErrorDetail } from '../../lib/errors.ts';
import { MIB } from '../../lib/limits.ts';
import { invalid } from '../field-errors.ts';
import { part } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { immutableDetails, validateKeys } from './secrets.ts';

const LONGEST_DATA = MIB;

export const configMaps: Strategy = {
  resource: 'configmaps',
  validate(map) {
    const details: ErrorDetail[] = [...validateKeys(map, 'data'), ...validateKeys(map, 'binaryData')];
    let size = 0;
    for (const [key, value] of Object.entries(part(map, 'data'))) {
      size += Buffer.byteLength(String(value));
      if (part(map, 'binaryData')[key] !== undefined)
        details.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    }
    for (const value of Object.values(part(map, 'binaryData')))
      size += Buffer.byteLength(String(value), 'base64');
    if (size > LONGEST_DATA)
      details.push({
        reason: 'FieldValueTooLong',
        field: '',
        message: `Too long: may not be more than ${LONGEST_DATA} bytes`,
      });
    return details;
  },
  validateUpdate: immutableDetails,
};
