import type { Exchange } from '../exchange.ts';
import type { Services } from '../services.ts';
import { audit, auditBegin } from './audit.ts';
import { authenticate } from './authenticate.ts';
import { authorize } from './authorize.ts';
import { bodyLimit } from './body-limit.ts';
import { deadline } from './deadline.ts';
import { fairness } from './fairness.ts';
import { impersonate } from './impersonate.ts';
import { logRequest } from './log-request.ts';
import { measure } from './measure.ts';
import { recover } from './recover.ts';
import { requestId } from './request-id.ts';
import { route } from './route.ts';

/** Does its part, calls `next` for the rest, and may act again after it. */
export type Filter = (exchange: Exchange, next: () => Promise<void>, services: Services) => Promise<void>;

/** In this order, the first the outermost. */
export const FILTERS: readonly Filter[] = [
  requestId,
  logRequest,
  audit,
  recover,
  authenticate,
  impersonate,
  route,
  bodyLimit,
  deadline,
  auditBegin,
  measure,
  fairness,
  authorize,
];

export function applyFilters(
  services: Services,
  handle: (exchange: Exchange) => Promise<void>,
): (exchange: Exchange) => Promise<void> {
  return FILTERS.reduceRight<(exchange: Exchange) => Promise<void>>(
    (next, filter) => (exchange) => filter(exchange, () => next(exchange), services),
    handle,
  );
}
