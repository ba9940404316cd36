import type { OutgoingHttpHeaders } from 'node:http2';
import { stringify } from 'yaml';
import { createProtobufCodec } from '../../src/api/protobuf/codec.ts';
import { mutateBytes, mutateValue } from './mutate.ts';
import type { Random } from './random.ts';
import type { Seed } from './seeds.ts';
import type { Shot } from './target.ts';

const JSON_TYPE = 'application/json';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const ACCEPTED = [
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'application/yaml',
  PROTOBUF,
  'text/html',
  ';;;q=,',
];
const codec = createProtobufCodec();

/** How strange a shot is to be, from 0 (as it is) to 1. */
export interface Strangeness {
  readonly value: number;
  readonly bytes: number;
  readonly path: number;
}

export const HOSTILE: Strangeness = { value: 0.7, bytes: 0.3, path: 0.2 };
export const SCHEMA_AWARE: Strangeness = { value: 0.15, bytes: 0.02, path: 0.02 };

/** A request made strange: its value, its bytes, its path, the forms it is sent and wanted in. */
export function shotOf(random: Random, seed: Seed, strange: Strangeness): Shot {
  const [method, path, value, type = JSON_TYPE] = seed;
  const headers: OutgoingHttpHeaders = { ':method': method, ':path': pathOf(random, path, strange.path) };
  if (random.next() < 0.2) headers.accept = random.pick(ACCEPTED);
  if (value === undefined) return { headers, body: undefined };
  let changed = random.next() < strange.value ? mutateValue(random, value) : value;
  while (random.next() < strange.value / 2) changed = mutateValue(random, changed);
  const form = type === JSON_TYPE ? random.pick([JSON_TYPE, JSON_TYPE, 'application/yaml', PROTOBUF]) : type;
  headers['content-type'] = random.next() < 0.02 ? 'text/x' : form;
  const bytes = encode(form, changed, value);
  return { headers, body: random.next() < strange.bytes ? mutateBytes(random, bytes) : bytes };
}

function encode(form: string, changed: unknown, original: unknown): Buffer {
  if (form === 'application/yaml') return Buffer.from(stringify(changed) ?? '');
  // Only a sound object can be encoded; its bytes are what is changed then.
  if (form === PROTOBUF) return protobufOf(original) ?? Buffer.from('k8s\0');
  return Buffer.from(JSON.stringify(changed) ?? '');
}

function protobufOf(object: unknown): Buffer | undefined {
  const { apiVersion = '', kind = '' } = object as { apiVersion?: string; kind?: string }; // Seeds are objects.
  try {
    const bytes = codec.encode({ ...(object as object), apiVersion, kind });
    return bytes === undefined ? undefined : Buffer.from(bytes);
  } catch {
    return undefined; // A value of another type than its field's.
  }
}

function pathOf(random: Random, path: string, strange: number): string {
  if (random.next() >= strange) return path;
  const text = mutateBytes(random, Buffer.from(path)).toString('latin1');
  return `/${text.replace(/^\/+/, '').replace(/[^\x21-\x7e]/g, (character) => encodeURIComponent(character))}`;
}
