import { invalid, required } from '../../api/custom/faults.ts';
import type { JsonObject } from '../../api/json.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { items, part, text } from '../fields.ts';

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const WARNING_CHARACTERS = 256;

export function deprecationFaults(version: JsonObject, at: string): ErrorDetail[] {
  const { deprecated, deprecationWarning: warning } = version;
  if (typeof warning !== 'string') return [];
  const field = `${at}.deprecationWarning`;
  if (deprecated !== true) return [invalid(field, warning, 'can only be set for deprecated versions')];
  const faults: ErrorDetail[] = [];
  if (Buffer.byteLength(warning) > WARNING_CHARACTERS)
    faults.push(invalid(field, warning, `must be <= ${WARNING_CHARACTERS} characters long`));
  if (warning === '') faults.push(invalid(field, warning, 'must not be an empty string'));
  const wrong = /[\p{C}\p{Zl}\p{Zp}]|[^\P{Zs} ]/u.exec(warning);
  if (wrong !== null)
    faults.push(
      invalid(
        field,
        warning,
        `must only contain printable UTF-8 characters; non-printable character found at index ${Buffer.byteLength(warning.slice(0, wrong.index))}`,
      ),
    );
  return faults;
}

export function columnFaults(version: JsonObject, at: string): ErrorDetail[] {
  return items(version, 'additionalPrinterColumns').flatMap((column, index) => {
    const place = `${at}[${index}]`;
    const faults: ErrorDetail[] = [];
    const type = text(column, 'type');
    const format = text(column, 'format');
    if (text(column, 'name') === '') faults.push(required(`${place}.name`));
    const types = `must be one of ${COLUMN_TYPES.join(',')}`;
    if (type === '') faults.push(required(`${place}.type`, types));
    else if (!COLUMN_TYPES.includes(type)) faults.push(invalid(`${place}.type`, type, types));
    if (format !== '' && !COLUMN_FORMATS.includes(format))
      faults.push(invalid(`${place}.format`, format, `must be one of ${COLUMN_FORMATS.join(',')}`));
    return [...faults, ...pathFaults(text(column, 'jsonPath'), `${place}.JSONPath`)];
  });
}

/** What is wrong with the paths of a `scale` subresource. */
export function scaleFaults(subresources: JsonObject, at: string): ErrorDetail[] {
  if (subresources.scale === undefined) return [];
  const scale = part(subresources, 'scale');
  const check = (key: string, below: readonly string[]): ErrorDetail[] => {
    const path = text(scale, key);
    const field = `${at}.scale.${key}`;
    const faults = pathFaults(path, field);
    if (faults.length > 0 || below.some((prefix) => path.startsWith(`${prefix}.`))) return faults;
    const where = below.length > 1 ? `either ${below.join(' or ')}` : String(below[0]);
    return [invalid(field, path, `should be a json path under ${where}`)];
  };
  const selector =
    text(scale, 'labelSelectorPath') === '' ? [] : check('labelSelectorPath', ['.spec', '.status']);
  return [...check('specReplicasPath', ['.spec']), ...check('statusReplicasPath', ['.status']), ...selector];
}

function pathFaults(path: string, field: string): ErrorDetail[] {
  if (path === '') return [required(field)];
  return path.startsWith('.') ? [] : [invalid(field, path, 'must be a simple json path starting with .')];
}
