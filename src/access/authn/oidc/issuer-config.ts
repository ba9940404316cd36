import { AmphoraError } from '../../../lib/errors.ts';

/** One `jwt` entry of an AuthenticationConfiguration, checked. */
export interface JwtIssuer {
  readonly url: string;
  /** Where the discovery document is, where it is not at the issuer's own address. */
  readonly discoveryUrl?: string;
  /** PEM; left out: the host's own roots. */
  readonly ca?: string;
  readonly audiences: readonly string[];
  readonly username: ClaimMapping;
  readonly groups?: ClaimMapping;
  /** Name of the claim. */
  readonly uid?: string;
  readonly required: ReadonlyArray<{ readonly claim: string; readonly value: string }>;
  readonly algorithms: readonly string[];
}

export interface ClaimMapping {
  readonly claim: string;
  readonly prefix: string;
}

/** Never `none`, and never a secret shared with the issuer. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'];

type Fields = Readonly<Record<string, unknown>>;

/**
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration
 * @throws BadRequest with the field that is wrong or not supported
 */
export function readJwtIssuer(value: unknown, at: string): JwtIssuer {
  const {
    issuer,
    claimValidationRules = [],
    claimMappings,
    userValidationRules,
  } = fields(value, at, ['issuer', 'claimValidationRules', 'claimMappings', 'userValidationRules']);
  if (Array.isArray(userValidationRules) && userValidationRules.length > 0)
    throw wrong(`${at}.userValidationRules`, 'expressions are not supported');
  const where = `${at}.issuer`;
  const source = fields(issuer, where, [
    'url',
    'discoveryURL',
    'certificateAuthority',
    'audiences',
    'audienceMatchPolicy',
  ]);
  const mapped = `${at}.claimMappings`;
  const mappings = fields(claimMappings ?? {}, mapped, ['username', 'groups', 'uid']);
  const { groups, uid } = mappings;
  return {
    url: httpsUrl(source.url, `${where}.url`),
    ...(source.discoveryURL === undefined
      ? {}
      : { discoveryUrl: httpsUrl(source.discoveryURL, `${where}.discoveryURL`) }),
    ...(source.certificateAuthority === undefined || source.certificateAuthority === ''
      ? {}
      : { ca: text(source.certificateAuthority, `${where}.certificateAuthority`) }),
    audiences: audiences(source.audiences, `${where}.audiences`),
    username: mapping(mappings.username, `${mapped}.username`),
    ...(groups === undefined ? {} : { groups: mapping(groups, `${mapped}.groups`) }),
    ...(uid === undefined ? {} : { uid: claimOf(uid, `${mapped}.uid`, ['claim']) }),
    required: list(claimValidationRules, `${at}.claimValidationRules`).map((rule, index) => {
      const place = `${at}.claimValidationRules[${index}]`;
      const { requiredValue } = fields(rule, place, ['claim', 'requiredValue']);
      return {
        claim: claimOf(rule, place, ['claim', 'requiredValue']),
        value: text(requiredValue, `${place}.requiredValue`),
      };
    }),
    algorithms: ALGORITHMS,
  };
}

function mapping(value: unknown, at: string): ClaimMapping {
  const { prefix } = fields(value, at, ['claim', 'prefix']);
  if (typeof prefix !== 'string')
    throw wrong(`${at}.prefix`, 'is required when claim is set: write "" for none');
  return { claim: claimOf(value, at, ['claim', 'prefix']), prefix };
}

function claimOf(value: unknown, at: string, known: readonly string[]): string {
  return text(fields(value, at, known).claim, `${at}.claim`);
}

function audiences(value: unknown, at: string): readonly string[] {
  const all = list(value, at).map((one, index) => text(one, `${at}[${index}]`));
  if (all.length === 0) throw wrong(at, 'at least one is required');
  return all;
}

function httpsUrl(value: unknown, at: string): string {
  const url = URL.parse(text(value, at));
  if (url?.protocol !== 'https:' || url.username !== '' || url.search !== '' || url.hash !== '')
    throw wrong(at, 'must be an https URL without user, query and fragment');
  return String(value);
}

function fields(value: unknown, at: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(at, 'must be an object');
  for (const name of Object.keys(value))
    if (!known.includes(name)) throw wrong(`${at}.${name}`, 'is not known or not supported');
  return value as Fields; // Just seen to be an object.
}

function list(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(at, 'must be a list');
  return value;
}

function text(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '') throw wrong(at, 'must be a text that is not empty');
  return value;
}

function wrong(at: string, why: string): AmphoraError {
  return new AmphoraError('BadRequest', `authentication configuration: ${at} ${why}`);
}
