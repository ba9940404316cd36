import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../../../lib/clock.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import { LIMITS } from '../../../lib/limits.ts';
import { fetchJson } from './fetch-json.ts';
import type { JwtIssuer } from './issuer-config.ts';

/**
 * The keys of one issuer, fetched when the first token comes and again when a key is not known, but not more often
 * than {@link LIMITS.issuerFetchPauseMs}: a stranger's token must not have us ask the issuer each time.
 */
export class IssuerKeys {
  readonly #issuer: JwtIssuer;
  readonly #clock: Clock;
  #keys: JWTVerifyGetKey | undefined;
  #fetching: Promise<void> | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  #problem: unknown;

  constructor(issuer: JwtIssuer, clock: Clock) {
    this.#issuer = issuer;
    this.#clock = clock;
  }

  /** To be handed to `jwtVerify`. @throws Unavailable when the issuer cannot be asked, and what jose throws */
  readonly get: JWTVerifyGetKey = async (header, token) => {
    if (this.#keys === undefined) await this.#refresh();
    const keys = this.#keys;
    if (keys === undefined) throw this.#problem;
    try {
      return await keys(header, token);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_JWKS_NO_MATCHING_KEY') throw error;
      await this.#refresh();
      return await (this.#keys ?? keys)(header, token);
    }
  };

  /** One at a time, for all who wait. */
  async #refresh(): Promise<void> {
    if (this.#fetching === undefined) {
      if (this.#clock.now() - this.#triedAt < LIMITS.issuerFetchPauseMs) return;
      this.#triedAt = this.#clock.now();
      this.#fetching = this.#fetch().finally(() => {
        this.#fetching = undefined;
      });
    }
    await this.#fetching;
  }

  async #fetch(): Promise<void> {
    const { url, discoveryUrl, ca } = this.#issuer;
    try {
      const at = discoveryUrl ?? `${url.replace(/\/$/, '')}/.well-known/openid-configuration`;
      const found = (await fetchJson(at, { ca })) as { issuer?: unknown; jwks_uri?: unknown } | null; // Checked below.
      if (found?.issuer !== url) throw new Error('the discovery document is of another issuer');
      if (typeof found.jwks_uri !== 'string' || !found.jwks_uri.startsWith('https://'))
        throw new Error('the discovery document names no https jwks_uri');
      const set = (await fetchJson(found.jwks_uri, { ca })) as JSONWebKeySet | null; // jose checks what it is given.
      if (!Array.isArray(set?.keys) || set.keys.length > LIMITS.issuerKeys)
        throw new Error('the key set is none, or too large');
      this.#keys = createLocalJWKSet(set);
    } catch (error) {
      this.#problem = AmphoraError.during(`reading the keys of ${url}`, error);
    }
  }
}
