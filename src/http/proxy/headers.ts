import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Exchange } from '../exchange.ts';

/** Of one connection, and no business of the next: RFC 9110 section 7.6.1. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What says who is calling, or as whom: it is for this server alone. */
const CREDENTIALS = /^(authorization$|impersonate-|x-remote-)/;
/** Answered here: the body is sent on as it comes. */
const OURS: ReadonlySet<string> = new Set(['host', 'expect']);

/** The headers that go along with a request that is passed on. */
export function requestHeaders(exchange: Exchange): OutgoingHttpHeaders {
  const { headers } = exchange;
  const named = namedByConnection(headers);
  const kept = Object.entries(headers).filter(
    ([name]) =>
      !name.startsWith(':') &&
      !HOP_BY_HOP.has(name) &&
      !named.has(name) &&
      !OURS.has(name) &&
      !CREDENTIALS.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    'x-forwarded-for': [headers['x-forwarded-for'], remoteAddress(exchange)].filter(Boolean).join(', '),
    'x-forwarded-host': headers.host ?? String(headers[':authority'] ?? ''),
    'x-forwarded-proto': 'https',
    'x-forwarded-uri': exchange.path,
  };
}

/** The headers of an answer that is passed on. What another server says about its origins does not hold for ours. */
export function answerHeaders(headers: IncomingHttpHeaders): Array<[string, string | string[]]> {
  const named = namedByConnection(headers);
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ||
    HOP_BY_HOP.has(name) ||
    named.has(name) ||
    name.startsWith('access-control-') ||
    name === 'audit-id'
      ? []
      : [[name, value] satisfies [string, string | string[]]],
  );
}

function namedByConnection({ connection = '' }: IncomingHttpHeaders): ReadonlySet<string> {
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
}

function remoteAddress({ request }: Exchange): string | undefined {
  const socket = 'stream' in request ? request.stream?.session?.socket : request.socket;
  return socket?.remoteAddress;
}
