import { parseCertificateRequest } from '../../api/certificates/certificate-request.ts';
import { SIGNERS } from '../../api/certificates/signers.ts';
import { equalJson, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { dns1123Subdomain } from '../../api/meta-validation.ts';
import { AmphoraError, type ErrorDetail } from '../../lib/errors.ts';
import { duplicate, forbidden, invalid, notSupported, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';
import { copyField, keepAllButStatus } from '../prepare.ts';
import type { Strategy } from '../strategy.ts';

const USAGES: ReadonlySet<unknown> = new Set([
  'signing',
  'digital signature',
  'content commitment',
  'key encipherment',
  'key agreement',
  'data encipherment',
  'cert sign',
  'crl sign',
  'encipher only',
  'decipher only',
  'any',
  'server auth',
  'client auth',
  'code signing',
  'email protection',
  's/mime',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'timestamping',
  'ocsp signing',
  'microsoft sgc',
  'netscape sgc',
]);
const SHORTEST_SECONDS = 600;
/** Decided over `/approval`, and nowhere else. */
const DECISIONS: readonly unknown[] = ['Approved', 'Denied'];

/** https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/ */
export const certificateSigningRequests: Strategy = {
  resource: 'certificatesigningrequests.certificates.k8s.io',
  // What was asked for, and who asked, never changes.
  prepareUpdate: (request, old) => copyField(request, old, 'spec'),
  prepareStatus(request, old) {
    keepAllButStatus(request, old);
    request.status = { ...part(request, 'status'), conditions: withDecisionsOf(request, old) };
  },
  subresources: {
    approval(request, old) {
      const { conditions } = part(request, 'status');
      request.spec = old.spec;
      request.metadata = { ...old.metadata };
      request.status = { ...part(old, 'status'), ...(conditions === undefined ? {} : { conditions }) };
    },
  },
  validate: (request) => [...validateSpec(request), ...validateConditions(request)],
  validateSubresource: {
    status: (request, old) => [
      ...validateCertificate(request, old),
      ...keptConditions(request, old, ['Failed']),
    ],
    approval: (request, old) => keptConditions(request, old, DECISIONS),
  },
};

/** A signer's write neither makes nor takes back a decision. */
function withDecisionsOf(request: ApiObject, old: Readonly<ApiObject>): JsonObject[] {
  const isDecision = ({ type }: JsonObject) => DECISIONS.includes(type);
  const others = items(part(request, 'status'), 'conditions').filter((one) => !isDecision(one));
  return [...items(part(old, 'status'), 'conditions').filter(isDecision), ...others];
}

function validateSpec(request: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(request, 'spec');
  const details = [...validateRequest(spec), ...validateSigner(text(spec, 'signerName'))];
  const usages = Array.isArray(spec.usages) ? spec.usages : [];
  if (usages.length === 0) details.push(required('spec.usages', 'usages is required'));
  for (const [index, usage] of usages.entries()) {
    if (!USAGES.has(usage))
      details.push(notSupported(`spec.usages[${index}]`, usage, [...USAGES].map(String)));
    if (usages.indexOf(usage) !== index) details.push(duplicate(`spec.usages[${index}]`, usage));
  }
  const seconds = spec.expirationSeconds;
  if (typeof seconds === 'number' && seconds < SHORTEST_SECONDS)
    details.push(
      invalid(
        'spec.expirationSeconds',
        seconds,
        'may not specify a duration less than 600 seconds (10 minutes)',
      ),
    );
  return details;
}

function validateRequest(spec: JsonObject): ErrorDetail[] {
  try {
    parseCertificateRequest(Buffer.from(text(spec, 'request'), 'base64').toString('latin1'));
    return [];
  } catch (error) {
    return [invalid('spec.request', text(spec, 'request').slice(0, 64), AmphoraError.from(error).message)];
  }
}

function validateSigner(name: string): ErrorDetail[] {
  const field = 'spec.signerName';
  if (name === '') return [required(field)];
  if (name === SIGNERS.legacy)
    return [invalid(field, name, 'the legacy signerName is not allowed via this API version')];
  const [domain = '', path = '', ...more] = name.split('/');
  if (more.length > 0 || path === '' || dns1123Subdomain(domain).length > 0 || !domain.includes('.'))
    return [
      invalid(field, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"),
    ];
  return /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(path)
    ? []
    : [
        invalid(
          field,
          name,
          'the path must consist of alphanumeric characters, dashes, underscores and dots',
        ),
      ];
}

function validateConditions(request: Readonly<ApiObject>): ErrorDetail[] {
  const conditions = items(part(request, 'status'), 'conditions');
  const details: ErrorDetail[] = [];
  for (const [index, { type, status }] of conditions.entries()) {
    const at = `status.conditions[${index}]`;
    if (type === undefined || type === '') details.push(required(`${at}.type`));
    if (conditions.findIndex((one) => one.type === type) !== index)
      details.push(duplicate(`${at}.type`, type));
    if ((DECISIONS.includes(type) || type === 'Failed') && status !== 'True')
      details.push(notSupported(`${at}.status`, status, ['True']));
  }
  const has = (wanted: string) => conditions.some(({ type }) => type === wanted);
  if (has('Approved') && has('Denied'))
    details.push(
      invalid('status.conditions', 'Denied', 'Approved and Denied conditions are mutually exclusive'),
    );
  return details;
}

function validateCertificate(request: Readonly<ApiObject>, old: Readonly<ApiObject>): ErrorDetail[] {
  const before = text(part(old, 'status'), 'certificate');
  const now = text(part(request, 'status'), 'certificate');
  if (before === now) return [];
  if (before !== '') return [forbidden('status.certificate', 'updates may not set certificate content')];
  return /^\s*-----BEGIN CERTIFICATE-----/m.test(Buffer.from(now, 'base64').toString('latin1'))
    ? []
    : [invalid('status.certificate', now.slice(0, 64), 'must contain at least one CERTIFICATE PEM block')];
}

function keptConditions(
  request: Readonly<ApiObject>,
  old: Readonly<ApiObject>,
  types: readonly unknown[],
): ErrorDetail[] {
  const of = (object: Readonly<ApiObject>) =>
    items(part(object, 'status'), 'conditions').filter(({ type }) => types.includes(type));
  const now = of(request);
  return of(old)
    .filter((before) => !now.some((one) => equalJson(one.type, before.type)))
    .map(({ type }) =>
      forbidden('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`),
    );
}
