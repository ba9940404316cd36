import { isIP, isIPv4, isIPv6 } from 'node:net';
import { dns1123Label, dns1123Subdomain } from '../meta-validation.ts';

/** Whether a text has a format. */
export type FormatCheck = (text: string) => boolean;

/** The check of a CRD's string format; undefined for one that upstream does not know. Dashes do not count. */
export function formatCheck(format: string): FormatCheck | undefined {
  return FORMATS.get(format.replaceAll('-', ''));
}

const uuid = (version: string, variant: string): FormatCheck =>
  matching(
    new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?${variant}[0-9a-f]{3}-?[0-9a-f]{12}$`, 'i'),
  );

/** https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation */
const FORMATS: ReadonlyMap<string, FormatCheck> = new Map<string, FormatCheck>([
  ['bsonobjectid', matching(/^[0-9a-f]{24}$/i)],
  ['uri', isRequestUri],
  ['email', isEmail],
  ['hostname', isHostname],
  ['ipv4', isSloppyIpv4],
  ['ipv6', isIPv6],
  ['cidr', isCidr],
  [
    'mac',
    matching(
      /^(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}(?:[0-9a-f]{2}|[0-9a-f]{2}\1[0-9a-f]{2}\1[0-9a-f]{2})$|^(?:[0-9a-f]{4}\.){2,3}[0-9a-f]{4}$/i,
    ),
  ],
  ['uuid', uuid('[0-9a-f]', '[0-9a-f]')],
  ['uuid3', uuid('3', '[0-9a-f]')],
  ['uuid4', uuid('4', '[89ab]')],
  ['uuid5', uuid('5', '[89ab]')],
  ['isbn', (text) => isIsbn10(text) || isIsbn13(text)],
  ['isbn10', isIsbn10],
  ['isbn13', isIsbn13],
  ['creditcard', isCreditCard],
  ['ssn', matching(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/)],
  ['hexcolor', matching(/^#?(?:[0-9a-f]{3}|[0-9a-f]{6})$/i)],
  ['rgbcolor', isRgbColor],
  ['byte', isBase64],
  ['password', () => true],
  ['date', isDate],
  ['duration', isDuration],
  ['datetime', isDateTime],
  ['k8sshortname', (text) => dns1123Label(text).length === 0],
  ['k8slongname', (text) => dns1123Subdomain(text).length === 0],
]);

/** The expressions here have no nested repetition: they take linear time. */
function matching(expression: RegExp): FormatCheck {
  return (text) => expression.test(text);
}

/** An absolute URI, or a path that starts with a slash. */
function isRequestUri(text: string): boolean {
  if (/[\s\p{Cc}]/u.test(text)) return false;
  return text.startsWith('/')
    ? URL.canParse(text, 'http://host')
    : /^[a-z][-+.a-z0-9]*:\/?\S/i.test(text) && URL.canParse(text);
}

function isEmail(text: string): boolean {
  const address = /<([^<>]*)>\s*$/.exec(text)?.[1] ?? text.trim();
  const at = address.lastIndexOf('@');
  const local = address.slice(0, at);
  const domain = address.slice(at + 1);
  if (at < 1 || domain === '') return false;
  const plain =
    /^[^\s()<>[\]:;@\\,"]+$/.test(local) &&
    !local.startsWith('.') &&
    !local.endsWith('.') &&
    !local.includes('..');
  return (
    (plain || /^"[^"\\]+"$/.test(local)) &&
    /^(?:[^\s()<>[\]:;@\\,".]+(?:\.[^\s()<>[\]:;@\\,".]+)*|\[[^\]]+\])$/.test(domain)
  );
}

function isHostname(text: string): boolean {
  if (Buffer.byteLength(text) > 255) return false;
  const labels = text.split('.');
  const last = labels.at(-1) ?? '';
  if (
    !labels.every((label) =>
      /^[a-z0-9\p{S}\p{L}](?:[-a-z0-9\p{S}\p{L}]{0,61}[a-z0-9\p{S}\p{L}])?$/iu.test(label),
    )
  )
    return false;
  return labels.length === 1 || /^[a-z\p{L}]{2,63}$/iu.test(last);
}

/** Leading zeros are tolerated, as they were before Go 1.17. */
function isSloppyIpv4(text: string): boolean {
  return (
    isIPv4(text) ||
    (/^\d+(?:\.\d+){3}$/.test(text) && text.split('.').every((part) => Number(part) < 256)) ||
    (isIPv6(text) && text.includes('.'))
  );
}

function isCidr(text: string): boolean {
  const slash = text.indexOf('/');
  const address = text.slice(0, slash);
  const bits = text.slice(slash + 1);
  if (slash < 0 || !/^\d{1,3}$/.test(bits)) return false;
  const version = isSloppyIpv4(address) && !address.includes(':') ? 4 : isIP(address);
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
}

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]/g, '');
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = [...digits].reduce(
    (total, digit, index) => total + (index + 1) * (digit === 'X' ? 10 : Number(digit)),
    0,
  );
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]/g, '');
  if (!/^\d{13}$/.test(digits)) return false;
  return (
    [...digits].reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3), 0) % 10 ===
    0
  );
}

const CARD =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;

function isCreditCard(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  if (!CARD.test(digits)) return false;
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

function isRgbColor(text: string): boolean {
  const match = /^rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/.exec(text);
  return match?.slice(1).every((part) => Number(part) < 256) ?? false;
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (match === null) return false;
  const parsed = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(text);
}

function isDateTime(text: string): boolean {
  const match =
    /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:[.,]\d+)?(?:[Zz]|[+-]\d{2}:?\d{2})?$/.exec(text);
  if (match === null) return false;
  const [, date = '', hours, minutes, seconds] = match;
  return isDate(date) && Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 60;
}

const UNIT = 'ns|us|µs|μs|ms|s|m|h';
const WORDS =
  'nanoseconds?|nanos?|microseconds?|micros?|milliseconds?|millis?|milli|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|wks?|[dwshm]|ns|us|µs|ms';

/** Go's `1h30m`, or one number with a unit in words, such as `3 days`. */
function isDuration(text: string): boolean {
  if (/^[+-]?0$/.test(text)) return true;
  return (
    new RegExp(`^[+-]?(?:(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:${UNIT}))+$`).test(text) ||
    new RegExp(`^\\d+\\s*(?:${WORDS})$`, 'i').test(text)
  );
}
