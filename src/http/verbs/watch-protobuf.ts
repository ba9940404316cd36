import protobuf from 'protobufjs/minimal.js';
import type { Kind } from '../../api/kind.ts';
import type { ProtobufCodec } from '../../api/protobuf/codec.ts';
import type { WatchEvent } from '../../registry/registry.ts';
import type { Status } from '../status.ts';
import { bookmarkObject } from './bookmark.ts';

interface Typed {
  readonly apiVersion: string;
  readonly kind: string;
}

/**
 * Events as `metav1.WatchEvent`, each after its length in four bytes: what clients get that take no JSON.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
 */
export function protobufWire(codec: ProtobufCodec, kind: Kind) {
  const encode = (object: Typed) => codec.encode(object) ?? new Uint8Array();
  return {
    contentType: 'application/vnd.kubernetes.protobuf;stream=watch',
    encode: (event: WatchEvent) =>
      frame(
        event.type,
        encode(
          event.type === 'BOOKMARK'
            ? bookmarkObject(kind, event, { shape: 'object', encode })
            : event.object.object(),
        ),
      ),
    fault: (status: Status) => frame('ERROR', encode(status)),
  };
}

/** `{type = 1, object = 2 {raw = 1}}` */
function frame(type: string, raw: Uint8Array): Buffer {
  const writer = protobuf.Writer.create().uint32(0x0a).string(type);
  const bytes = writer.uint32(0x12).fork().uint32(0x0a).bytes(raw).ldelim().finish();
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}
