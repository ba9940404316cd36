import type { Exchange } from '../exchange.ts';
import type { ObjectRoute, Route } from '../routes/route.ts';
import type { Services } from '../services.ts';
import { attach, exec } from './exec.ts';
import { log } from './log.ts';
import { portForward } from './port-forward.ts';

export type StreamHandler = (services: Services, exchange: Exchange, route: ObjectRoute) => Promise<void>;

/** The subresources of a pod that are streams and not objects. */
const POD_STREAMS: Readonly<Record<string, StreamHandler>> = { attach, exec, log, portforward: portForward };

export function streamHandler(route: ObjectRoute): StreamHandler | undefined {
  if (route.group !== '' || route.version !== 'v1' || route.resource !== 'pods') return undefined;
  return Object.hasOwn(POD_STREAMS, route.subresource) ? POD_STREAMS[route.subresource] : undefined;
}

export function isStream(route: ObjectRoute): boolean {
  return streamHandler(route) !== undefined;
}

export function needsCreate(route: Route): boolean {
  return route.type === 'object' && isStream(route) && route.subresource !== 'log';
}
