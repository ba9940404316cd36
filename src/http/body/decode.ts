import type { ProtobufCodec } from '../../api/protobuf/codec.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { Exchange } from '../exchange.ts';
import { type Decoded, decodeJson } from './json.ts';
import { readBody } from './read-body.ts';

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const OBJECT_TYPES = ['application/json', 'application/yaml', PROTOBUF];

/** The decoded body, or undefined for an empty one. @throws BadRequest, TooLarge, UnsupportedMediaType */
export async function decodeBody(exchange: Exchange, codec: ProtobufCodec | undefined): Promise<unknown> {
  const type = mediaType(exchange.headers['content-type']);
  if (!isSupported(type, codec)) throw unsupported(OBJECT_TYPES);
  const bytes = await readBody(exchange);
  if (bytes.length === 0) return undefined;
  if (type === PROTOBUF) return codec?.decode(bytes);
  const decoded = type.endsWith('yaml') ? await decodeYaml(bytes) : decodeJson(bytes);
  reportDuplicates(exchange, decoded);
  return decoded.value;
}

/** The parser is loaded with the first body of its kind; most servers never see one. */
export async function decodeYaml(bytes: Buffer): Promise<Decoded> {
  return (await import('./yaml.ts')).decodeYaml(bytes);
}

export function unsupported(types: readonly string[]): AmphoraError {
  const list = types.join(', ');
  return new AmphoraError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${list}`,
  );
}

/** Without parameters, in lower case; a missing type is JSON, as upstream has it. */
export function mediaType(header: string | undefined): string {
  const type = (header ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return type === '' || type === '*/*' ? 'application/json' : type;
}

/** What `fieldValidation` says about keys that stand twice; only here are they still seen. */
export function reportDuplicates(exchange: Exchange, { duplicates }: Decoded): void {
  const mode = exchange.query.get('fieldValidation') ?? 'Warn';
  if (duplicates.length === 0 || mode === 'Ignore') return;
  const messages = duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`);
  if (mode === 'Strict')
    throw new AmphoraError('BadRequest', `strict decoding error: ${messages.join(', ')}`);
  for (const message of messages) exchange.warn(message);
}

function isSupported(type: string, codec: ProtobufCodec | undefined): boolean {
  if (type === PROTOBUF) return codec !== undefined;
  return (
    type === 'application/json' ||
    type === 'application/yaml' ||
    type === 'text/yaml' ||
    type === 'application/x-yaml'
  );
}
