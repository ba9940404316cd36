import type { AuditRecord } from '../../access/audit/audit.ts';
import type { ProtobufCodec } from '../../api/protobuf/codec.ts';
import { LIMITS } from '../../lib/limits.ts';
import { decodeYaml, mediaType, PROTOBUF } from '../body/decode.ts';
import type { Exchange } from '../exchange.ts';

/** The body of the request, if it was read and is wanted. What cannot be decoded is left out. */
export async function recordRequest(
  exchange: Exchange,
  record: AuditRecord,
  codec: ProtobufCodec | undefined,
): Promise<void> {
  const { body, headers } = exchange;
  if (!record.wantsRequest || body === undefined || body.length === 0) return;
  if (body.length > LIMITS.auditBodyBytes) return;
  const type = mediaType(headers['content-type']);
  try {
    // JSON is a part of YAML, and kubectl sends it under its name.
    const isYaml = type.endsWith('yaml') && !/^\s*\{/.test(body.toString('latin1', 0, 64));
    record.objects.request = isYaml ? (await decodeYaml(body)).value : decoded(type, body, codec);
  } catch {
    // Its sender was told what is wrong with it.
  }
}

export function recordResponse(
  record: AuditRecord,
  answer: { readonly type: string; readonly bytes: Buffer; readonly codec: ProtobufCodec | undefined },
): void {
  const { type, bytes, codec } = answer;
  if (bytes.length > LIMITS.auditBodyBytes) return;
  try {
    record.objects.response = decoded(mediaType(type), bytes, codec);
  } catch {
    // No object: text, for one.
  }
}

function decoded(type: string, bytes: Buffer, codec: ProtobufCodec | undefined): unknown {
  if (type === PROTOBUF) return codec?.decode(bytes);
  return type.includes('json') || type.endsWith('yaml') ? JSON.parse(bytes.toString('utf8')) : undefined;
}
