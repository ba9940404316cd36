import protobuf from 'protobufjs/minimal.js';
import { AmphoraError } from '../../lib/errors.ts';
import { decodeMessage } from './decode.ts';
import { encodeMessage } from './encode.ts';
import { eachField } from './special.ts';
import { MessageTable } from './table.ts';

/** What `application/vnd.kubernetes.protobuf` begins with. */
const MAGIC = Buffer.from('k8s\0');

/** JSON ↔ Kubernetes' protobuf, in its envelope. https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding */
export interface ProtobufCodec {
  /** @throws BadRequest for what is no envelope, or not the message it says; UnsupportedMediaType for a kind without protobuf. */
  decode(bytes: Uint8Array): Record<string, unknown>;
  /** Undefined for a kind that has no protobuf form (a custom resource). */
  encode(object: { readonly apiVersion: string; readonly kind: string }): Uint8Array | undefined;
}

export function createProtobufCodec(): ProtobufCodec {
  // Most clients never send protobuf: the table is made when the first one does.
  let made: MessageTable | undefined;
  const table = () => {
    made ??= new MessageTable();
    return made;
  };
  return {
    decode(bytes) {
      const { apiVersion, kind, raw } = openEnvelope(bytes);
      const message = table().ofKind(apiVersion, kind);
      if (message === undefined) {
        throw new AmphoraError(
          'UnsupportedMediaType',
          `${kind} of ${apiVersion} has no protobuf form: send JSON`,
        );
      }
      return { kind, apiVersion, ...decodeMessage(message, raw) };
    },
    encode(object) {
      const message = table().ofKind(object.apiVersion, object.kind);
      return message === undefined ? undefined : envelope(object, encodeMessage(message, object));
    },
  };
}

interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
}

/** runtime.Unknown: `{typeMeta = 1 {apiVersion = 1, kind = 2}, raw = 2, contentEncoding = 3, contentType = 4}` */
function openEnvelope(bytes: Uint8Array): Envelope {
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) {
    throw new AmphoraError('BadRequest', 'the body is no Kubernetes protobuf: it does not begin with k8s\\0');
  }
  const reader = protobuf.Reader.create(bytes.subarray(MAGIC.length));
  let apiVersion = '';
  let kind = '';
  let raw: Uint8Array = new Uint8Array();
  try {
    eachField(reader, reader.len, (number) => {
      if (number === 1) {
        eachField(reader, reader.uint32() + reader.pos, (inner) => {
          if (inner === 1) apiVersion = reader.string();
          else if (inner === 2) kind = reader.string();
          return inner === 1 || inner === 2;
        });
      } else if (number === 2) raw = reader.bytes();
      return number === 1 || number === 2;
    });
  } catch (error) {
    throw new AmphoraError('BadRequest', `the body's protobuf envelope can't be read: ${String(error)}`, {
      cause: error,
    });
  }
  return { apiVersion, kind, raw };
}

function envelope({ apiVersion, kind }: { apiVersion: string; kind: string }, raw: Uint8Array): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32((1 << 3) | 2).fork();
  writer.uint32((1 << 3) | 2).string(apiVersion);
  writer.uint32((2 << 3) | 2).string(kind);
  writer.ldelim();
  writer.uint32((2 << 3) | 2).bytes(raw);
  writer.uint32((3 << 3) | 2).string('');
  writer.uint32((4 << 3) | 2).string('');
  return Buffer.concat([MAGIC, writer.finish()]);
}
