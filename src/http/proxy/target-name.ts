import { AmphoraError } from '../../lib/errors.ts';

export interface TargetName {
  readonly scheme: 'http' | 'https';
  readonly name: string;
  /** A number, or for services a name; empty for the object's first. */
  readonly port: string;
}

/** `name`, `name:port`, `scheme:name:port`; the port may be empty. @throws BadRequest for anything else. */
export function parseTargetName(text: string, kind: string): TargetName {
  const parts = text.split(':');
  const [scheme = '', name = '', port = ''] = parts.length < 3 ? ['', ...parts] : parts;
  if (parts.length > 3 || name === '' || !(scheme === '' || scheme === 'http' || scheme === 'https'))
    throw new AmphoraError('BadRequest', `invalid ${kind} request ${JSON.stringify(text)}`);
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port };
}

/** @throws BadRequest for what is no port */
export function portNumber(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new AmphoraError(
    'BadRequest',
    `invalid port ${JSON.stringify(text)}: must be a number between 1 and 65535`,
  );
}
