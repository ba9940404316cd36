import type { LiveView } from '../../access/live.ts';
import { callFault } from '../../access/webhooks/call-fault.ts';
import type { Service } from '../../api/types.generated.ts';
import { isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { ask } from './ask.ts';
import { discoveryResources, openApiUrlOf } from './documents.ts';
import type { Extension } from './extension.ts';

/** What the condition `Available` of an APIService says. */
export interface Verdict {
  readonly isAvailable: boolean;
  readonly reason: string;
  readonly message: string;
}

const ALL_WELL: Verdict = { isAvailable: true, reason: 'Passed', message: 'all checks passed' };

/** Whether an extension server answers, in upstream's reasons; on the way, what it serves. Ends in time. */
export async function check(extension: Extension, live: LiveView, signal: AbortSignal): Promise<Verdict> {
  const services = live.of('services');
  await services.loaded;
  const { name, namespace, port } = extension.service;
  const at = `service/${name} in ${JSON.stringify(namespace)}`;
  const service = services.get(namespace, name) as Service | undefined; // The kind's.
  if (service === undefined) return fault('ServiceNotFound', `${at} is not present`);
  if (service.spec?.type !== 'ExternalName' && !service.spec?.ports?.some((one) => one.port === port))
    return fault('ServicePortError', `${at} is not listening on port ${port}`);
  const { group, version } = extension;
  const path = `/apis/${group}/${version}`;
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(LIMITS.extensionCheckMs)]);
    const { status, body } = await ask(extension, path, limited);
    if (status < 200 || status >= 300)
      return fault(
        'FailedDiscoveryCheck',
        `failing or missing response from https://${extension.host}:${port}${path}: bad status from https://${extension.host}:${port}${path}: ${status}`,
      );
    extension.resources = discoveryResources(JSON.parse(body.toString('utf8')), extension);
    extension.openApiUrl = await openApiUrl(extension, path, limited);
    return ALL_WELL;
  } catch (error) {
    if (isCode(error, 'Unavailable'))
      return fault(
        'MissingEndpoints',
        `endpoints for ${at} have no addresses with port name ${JSON.stringify(portName(service, port))}`,
      );
    const why = signal.aborted ? 'canceled' : callFault(error, `${extension.host}:${port}`);
    return fault(
      'FailedDiscoveryCheck',
      `failing or missing response from https://${extension.host}:${port}${path}: Get "https://${extension.host}:${port}${path}": ${why}`,
    );
  }
}

async function openApiUrl(
  extension: Extension,
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { status, body } = await ask(extension, '/openapi/v3', signal);
    return status === 200 ? openApiUrlOf(JSON.parse(body.toString('utf8')), path.slice(1)) : undefined;
  } catch {
    return undefined; // An extension server need not describe itself.
  }
}

function fault(reason: string, message: string): Verdict {
  return { isAvailable: false, reason, message };
}

function portName({ spec }: Service, port: number): string {
  return spec?.ports?.find((one) => one.port === port)?.name ?? '';
}
