import { apiVersionOf, type Kind } from '../../api/kind.ts';
import type { ListResult, ObjectBytes } from '../../registry/registry.ts';
import { PROTOBUF } from '../body/decode.ts';
import type { Exchange } from '../exchange.ts';
import { type Format, negotiate, notAcceptable } from '../negotiate/accept.ts';
import {
  type IncludeObject,
  type ListMeta,
  partialListOf,
  partialOf,
  tableOfObjects,
} from '../negotiate/shapes.ts';
import type { Services } from '../services.ts';
import { ListBody } from './list-body.ts';

const JSON_TYPE = 'application/json';

export function formatOf(services: Services, exchange: Exchange): Format {
  return negotiate(exchange.headers.accept, { protobuf: services.protobuf !== undefined });
}

export interface ObjectAnswer {
  readonly status: number;
  readonly kind: Kind;
  readonly bytes: ObjectBytes;
}

/** One object; as it is stored unless another form was asked for. */
export async function answerObject(
  services: Services,
  exchange: Exchange,
  answer: ObjectAnswer,
): Promise<void> {
  const { kind, bytes, status } = answer;
  const format = formatOf(services, exchange);
  if (format.shape === 'object' && format.encoding === 'json') {
    await exchange.reply.send(status, JSON_TYPE, pretty(exchange) ? indented(bytes.object()) : bytes.json);
    return;
  }
  const meta = { resourceVersion: String(bytes.revision) };
  const value =
    format.shape === 'table'
      ? tableOfObjects({
          kind,
          objects: [bytes],
          meta,
          tableOf: services.tableOf,
          includeObject: include(exchange),
        })
      : format.shape === 'partial'
        ? partialOf(bytes.metadata())
        : bytes.object();
  await answerValue(services, exchange, { status, value, format });
}

/** A list; the stored bytes one after the other unless another form was asked for. */
export async function answerList(
  services: Services,
  exchange: Exchange,
  answer: { kind: Kind; list: ListResult },
): Promise<void> {
  const { kind, list } = answer;
  const format = formatOf(services, exchange);
  const meta = metaOf(list);
  const { items: objects } = list;
  if (format.shape === 'object' && format.encoding === 'json' && !pretty(exchange)) {
    const head = { kind: kind.listKind, apiVersion: apiVersionOf(kind), metadata: meta };
    await exchange.reply.send(200, JSON_TYPE, new ListBody(JSON.stringify(head), objects));
    return;
  }
  const value =
    format.shape === 'table'
      ? tableOfObjects({ kind, objects, meta, tableOf: services.tableOf, includeObject: include(exchange) })
      : format.shape === 'partial'
        ? partialListOf(objects, meta)
        : {
            kind: kind.listKind,
            apiVersion: apiVersionOf(kind),
            metadata: meta,
            items: objects.map((bytes) => bytes.object()),
          };
  await answerValue(services, exchange, { status: 200, value, format });
}

/** Anything else: a `Status`, a review, a discovery document. */
export async function answerValue(
  services: Services,
  exchange: Exchange,
  answer: { status: number; value: unknown; format?: Format },
): Promise<void> {
  const { status, value } = answer;
  const { encoding } = answer.format ?? formatOf(services, exchange);
  if (encoding === 'yaml') {
    const { yaml } = await import('../../lib/yaml.ts'); // Rarely asked for.
    await exchange.reply.send(status, 'application/yaml', Buffer.from(yaml.stringify(value)));
  } else if (encoding === 'protobuf') {
    const object = value as { apiVersion: string; kind: string }; // Everything answered here has a type.
    const bytes = services.protobuf?.encode(object);
    if (bytes === undefined) throw notAcceptable();
    await exchange.reply.send(status, PROTOBUF, Buffer.from(bytes));
  } else {
    const bytes = pretty(exchange) ? indented(value) : Buffer.from(JSON.stringify(value));
    await exchange.reply.send(status, JSON_TYPE, bytes);
  }
}

export function include(exchange: Exchange): IncludeObject {
  const asked = exchange.query.get('includeObject');
  return asked === 'None' || asked === 'Object' ? asked : 'Metadata';
}

function metaOf(list: ListResult): ListMeta {
  return {
    resourceVersion: list.resourceVersion,
    ...(list.continue === undefined ? {} : { continue: list.continue }),
    ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
  };
}

/** For who asks for it, and for people: what they read with says so, as upstream has it. */
function pretty({ query, headers }: Exchange): boolean {
  const asked = query.get('pretty');
  if (asked !== null && asked !== '') return /^(1|t|true)$/i.test(asked);
  return /^(curl|Wget|Mozilla\/5\.0)/.test(headers['user-agent'] ?? '');
}

function indented(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
}
