import type { AuditRecord } from '../../access/audit/audit.ts';
import type { Attributes } from '../../access/authz/authorizer.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { recordRequest, recordResponse } from '../audit/bodies.ts';
import type { Exchange } from '../exchange.ts';
import { attributesOf } from '../routes/attributes.ts';
import type { Services } from '../services.ts';
import { socketOf } from '../wire.ts';
import type { Filter } from './all.ts';

/** The end of each request, as far as the audit policy wants it; a refused caller's too. */
export const audit: Filter = async (exchange, next, services) => {
  if (services.audit === undefined) return next();
  try {
    await next();
  } finally {
    if (!exchange.isAudited) begin(exchange, services);
    const { audit: record, reply, failure } = exchange;
    if (record !== undefined) {
      await recordRequest(exchange, record, services.protobuf);
      record.stage('ResponseComplete', { ...failure, code: reply.status });
    }
  }
};

/** Its beginning: who calls, and for what, is known now. */
export const auditBegin: Filter = (exchange, next, services) => {
  if (services.audit === undefined) return next();
  const record = begin(exchange, services);
  record?.stage('RequestReceived');
  if (record !== undefined && exchange.isLong)
    exchange.reply.onBegin((code) => record.stage('ResponseStarted', { code }));
  else if (record?.wantsResponse === true)
    exchange.reply.capture = (type, bytes) =>
      recordResponse(record, { type, bytes, codec: services.protobuf });
  return next();
};

function begin(exchange: Exchange, services: Services): AuditRecord | undefined {
  const { id, request, headers, user, impersonator, startedAt } = exchange;
  exchange.isAudited = true;
  exchange.audit = services.audit?.begin({
    id,
    uri: request.url ?? '',
    userAgent: headers['user-agent'],
    sourceAddress: socketOf(request)?.remoteAddress,
    user,
    impersonator,
    attributes: askedFor(exchange),
    receivedAt: Date.now() - (performance.now() - startedAt),
  });
  return exchange.audit;
}

/** Of a request that was refused before it was understood only the path is known. */
function askedFor(exchange: Exchange): Attributes {
  try {
    if (exchange.route !== undefined) return attributesOf(exchange, exchange.route);
  } catch (error) {
    if (!(error instanceof AmphoraError)) throw error;
  }
  return { kind: 'path', verb: exchange.method.toLowerCase(), path: exchange.path };
}
