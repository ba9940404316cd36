import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import { type CheckLimits, type CheckResult, OK } from './checks.ts';

const SERVING = 1;

/** https://github.com/grpc/grpc/blob/master/doc/health-checking.md; the two messages are small enough to write by hand. */
const HealthClient = makeGenericClientConstructor(
  {
    Check: {
      path: '/grpc.health.v1.Health/Check',
      requestStream: false,
      responseStream: false,
      requestSerialize: encodeHealthRequest,
      requestDeserialize: (bytes: Buffer) => bytes.subarray(2).toString('utf8'),
      responseSerialize: (status: number) => Buffer.of(0x08, status),
      responseDeserialize: (bytes: Buffer) => (bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0),
    },
  },
  'Health',
);

/** `HealthCheckRequest { string service = 1; }` */
function encodeHealthRequest(service: string): Buffer {
  const name = Buffer.from(service.slice(0, 127));
  return name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.of(0x0a, name.length), name]);
}

export function grpcCheck(
  target: { readonly host: string; readonly port: number; readonly service: string },
  limits: CheckLimits,
): Promise<CheckResult> {
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  const client = new HealthClient(`${host}:${target.port}`, credentials.createInsecure(), {
    'grpc.enable_retries': 0,
  });
  return new Promise((resolve) => {
    const call = client.makeUnaryRequest<string, number>(
      '/grpc.health.v1.Health/Check',
      encodeHealthRequest,
      (bytes) => (bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0),
      target.service,
      { deadline: Date.now() + limits.timeoutMs },
      (error, status) => {
        limits.signal.removeEventListener('abort', cancel);
        client.close();
        if (error !== null) resolve({ ok: false, message: `service unhealthy: ${error.message}` });
        else
          resolve(
            status === SERVING
              ? OK
              : { ok: false, message: `service unhealthy (responded with ${JSON.stringify(status)})` },
          );
      },
    );
    const cancel = () => call.cancel();
    limits.signal.addEventListener('abort', cancel, { once: true });
  });
}
