import { equalJson, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { dns1123Subdomain } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { ExpressionCheck } from '../admission/expressions.ts';
import { validateAdmissionRules } from '../admission/rules.ts';
import { duplicate, invalid, notSupported, required } from '../field-errors.ts';
import { ensure, items, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { validateLabelSelector } from '../validation/selectors.ts';
import { clientFaults, reviewVersionFaults } from '../validation/webhook-client.ts';

const GROUP = 'admissionregistration.k8s.io';
const SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const MOST_SECONDS = 30;
const HTTPS_PORT = 443;

/** https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/ */
export const webhookConfigurations: readonly Strategy[] = [
  configuration('mutatingwebhookconfigurations'),
  configuration('validatingwebhookconfigurations'),
];

function configuration(resource: string): Strategy {
  return {
    resource: `${resource}.${GROUP}`,
    generation: true,
    defaults(object) {
      for (const webhook of items(object, 'webhooks')) {
        const { service } = part(webhook, 'clientConfig');
        if (service !== undefined) ensure(ensure(webhook, 'clientConfig'), 'service').port ??= HTTPS_PORT;
      }
    },
    validate(object, { change }) {
      // What compiled once is not compiled again for a label.
      return change !== undefined && equalJson(change.old.webhooks, object.webhooks) ? [] : faultsOf(object);
    },
  };
}

function faultsOf(object: Readonly<ApiObject>): ErrorDetail[] {
  const seen = new Set<string>();
  return items(object, 'webhooks').flatMap((webhook, index) => {
    const path = `webhooks[${index}]`;
    const name = text(webhook, 'name');
    const twice = seen.has(name) ? [duplicate(`${path}.name`, name)] : [];
    seen.add(name);
    return [...nameFaults(name, `${path}.name`), ...twice, ...webhookFaults(webhook, path)];
  });
}

/** A domain of three parts at least. */
function nameFaults(name: string, path: string): ErrorDetail[] {
  if (name === '') return [required(path)];
  const wrong = dns1123Subdomain(name).map((why) => invalid(path, name, why));
  if (wrong.length > 0 || name.split('.').length >= 3) return wrong;
  return [invalid(path, name, 'should be a domain with at least three segments separated by dots')];
}

function webhookFaults(webhook: JsonObject, path: string): ErrorDetail[] {
  const { admissionReviewVersions, sideEffects, timeoutSeconds = 1 } = webhook;
  const versions = Array.isArray(admissionReviewVersions) ? admissionReviewVersions : [];
  const versionsPath = `${path}.admissionReviewVersions`;
  const faults =
    versions.length === 0
      ? [required(versionsPath, 'must specify one of v1, v1beta1')]
      : reviewVersionFaults(versions, versionsPath);
  faults.push(...validateAdmissionRules(webhook, 'rules', path));
  if (sideEffects === undefined)
    faults.push(required(`${path}.sideEffects`, `must specify one of ${SIDE_EFFECTS.join(', ')}`));
  else if (!SIDE_EFFECTS.includes(String(sideEffects)))
    faults.push(notSupported(`${path}.sideEffects`, sideEffects, SIDE_EFFECTS));
  if (Number(timeoutSeconds) < 1 || Number(timeoutSeconds) > MOST_SECONDS)
    faults.push(
      invalid(
        `${path}.timeoutSeconds`,
        timeoutSeconds,
        `the timeout value must be between 1 and ${MOST_SECONDS} seconds`,
      ),
    );
  for (const selector of ['namespaceSelector', 'objectSelector'])
    faults.push(...validateLabelSelector(part(webhook, selector), `${path}.${selector}`));
  faults.push(...clientFaults(part(webhook, 'clientConfig'), `${path}.clientConfig`));
  const check = new ExpressionCheck({ hasParams: false, patches: false });
  check.conditions(webhook, path);
  return [...faults, ...check.details];
}
