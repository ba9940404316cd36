import { isCaBundle } from '../../api/custom/ca-bundle.ts';
import { forbidden, invalid, required } from '../../api/custom/faults.ts';
import { isJsonObject, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { part, text } from '../fields.ts';
import { clientFaults as clientConfigFaults, reviewVersionFaults } from '../validation/webhook-client.ts';
import { isEstablished } from './definition-status.ts';

const CLIENT = 'spec.conversion.webhookClientConfig';
const VERSIONS = 'spec.conversion.conversionReviewVersions';

/** What is wrong with `spec.conversion`; upstream names its fields as its own internal version does. */
export function conversionFaults(
  conversion: JsonObject,
  old: Readonly<ApiObject> | undefined,
): ErrorDetail[] {
  const { strategy, webhook } = conversion;
  if (strategy === undefined || strategy === '') return [required('spec.conversion.strategy')];
  const config = isJsonObject(webhook) ? webhook.clientConfig : undefined;
  const versions =
    isJsonObject(webhook) && Array.isArray(webhook.conversionReviewVersions)
      ? webhook.conversionReviewVersions
      : [];
  if (strategy === 'Webhook')
    return [
      ...clientFaults(config, old),
      ...(versions.length === 0 ? [required(VERSIONS)] : reviewVersionFaults(versions, VERSIONS)),
    ];
  const why = 'should not be set when strategy is not set to Webhook';
  return [
    ...(config === undefined ? [] : [forbidden(CLIENT, why)]),
    ...(versions.length === 0 ? [] : [forbidden(VERSIONS, why)]),
  ];
}

function clientFaults(config: unknown, old: Readonly<ApiObject> | undefined): ErrorDetail[] {
  if (!isJsonObject(config)) return [required(CLIENT, 'required when strategy is set to Webhook')];
  return [...clientConfigFaults(config, CLIENT), ...bundleFaults(text(config, 'caBundle'), old)];
}

/** A bundle that is none keeps a new CRD from being established, and is refused once it is. */
function bundleFaults(bundle: string, old: Readonly<ApiObject> | undefined): ErrorDetail[] {
  if (bundle === '' || old === undefined || !isEstablished(old) || isCaBundle(bundle)) return [];
  const before = part(part(part(part(old, 'spec'), 'conversion'), 'webhook'), 'clientConfig');
  const was = text(before, 'caBundle');
  if (was !== '' && !isCaBundle(was)) return [];
  const why = 'unable to load root certificates: unable to parse bytes as PEM block';
  return [invalid(`${CLIENT}.caBundle`, bundle, why)];
}
