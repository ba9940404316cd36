import { ConfigReader } from '../../config-reader.ts';

const CONFIG = new ConfigReader('authentication configuration');

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
  } = CONFIG.fields(value, at, ['issuer', 'claimValidationRules', 'claimMappings', 'userValidationRules']);
  if (Array.isArray(userValidationRules) && userValidationRules.length > 0)
    throw CONFIG.wrong(`${at}.userValidationRules`, 'expressions are not supported');
  const where = `${at}.issuer`;
  const source = CONFIG.fields(issuer, where, [
    'url',
    'discoveryURL',
    'certificateAuthority',
    'audiences',
    'audienceMatchPolicy',
  ]);
  const mapped = `${at}.claimMappings`;
  const mappings = CONFIG.fields(claimMappings ?? {}, mapped, ['username', 'groups', 'uid']);
  const { groups, uid } = mappings;
  return {
    url: httpsUrl(source.url, `${where}.url`),
    ...(source.discoveryURL === undefined
      ? {}
      : { discoveryUrl: httpsUrl(source.discoveryURL, `${where}.discoveryURL`) }),
    ...(source.certificateAuthority === undefined || source.certificateAuthority === ''
      ? {}
      : { ca: CONFIG.text(source.certificateAuthority, `${where}.certificateAuthority`) }),
    audiences: audiences(source.audiences, `${where}.audiences`),
    username: mapping(mappings.username, `${mapped}.username`),
    ...(groups === undefined ? {} : { groups: mapping(groups, `${mapped}.groups`) }),
    ...(uid === undefined ? {} : { uid: claimOf(uid, `${mapped}.uid`, ['claim']) }),
    required: CONFIG.list(claimValidationRules, `${at}.claimValidationRules`).map((rule, index) => {
      const place = `${at}.claimValidationRules[${index}]`;
      const { requiredValue } = CONFIG.fields(rule, place, ['claim', 'requiredValue']);
      return {
        claim: claimOf(rule, place, ['claim', 'requiredValue']),
        value: CONFIG.text(requiredValue, `${place}.requiredValue`),
      };
    }),
    algorithms: ALGORITHMS,
  };
}

function mapping(value: unknown, at: string): ClaimMapping {
  const { prefix } = CONFIG.fields(value, at, ['claim', 'prefix']);
  if (typeof prefix !== 'string')
    throw CONFIG.wrong(`${at}.prefix`, 'is required when claim is set: write "" for none');
  return { claim: claimOf(value, at, ['claim', 'prefix']), prefix };
}

function claimOf(value: unknown, at: string, known: readonly string[]): string {
  return CONFIG.text(CONFIG.fields(value, at, known).claim, `${at}.claim`);
}

function audiences(value: unknown, at: string): readonly string[] {
  const all = CONFIG.list(value, at).map((one, index) => CONFIG.text(one, `${at}[${index}]`));
  if (all.length === 0) throw CONFIG.wrong(at, 'at least one is required');
  return all;
}

function httpsUrl(value: unknown, at: string): string {
  const url = URL.parse(CONFIG.text(value, at));
  if (url?.protocol !== 'https:' || url.username !== '' || url.search !== '' || url.hash !== '')
    throw CONFIG.wrong(at, 'must be an https URL without user, query and fragment');
  return String(value);
}
