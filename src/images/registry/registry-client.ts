import type { IncomingMessage } from 'node:http';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS, MIB } from '../../lib/limits.ts';
import { sha256 } from '../blob-store.ts';
import { MEDIA, parseObject } from '../documents.ts';
import type { RegistryCredential } from '../images.ts';
import { nameOf, type Reference } from '../reference.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { HttpGetter, readBody } from './http.ts';

export interface RegistryConfig {
  /** As it stands in references: `registry.example:5000`. */
  readonly registry: string;
  /** Speak unencrypted HTTP to it; only the machine's own addresses are spoken to so without being asked. */
  readonly plainHttp?: boolean;
  /** PEM certificates that are trusted for it. */
  readonly ca?: string;
}

export interface RegistryClientOptions {
  readonly reference: Reference;
  readonly registries: readonly RegistryConfig[];
  readonly credentials: readonly RegistryCredential[];
}

const ACCEPT = [MEDIA.ociIndex, MEDIA.ociManifest, MEDIA.dockerList, MEDIA.dockerManifest].join(', ');
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/**
 * Reads one repository of a registry: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 * Tries the credentials that are for it in their order, then to be nobody.
 */
export class RegistryClient {
  readonly #name: string;
  readonly #base: URL;
  readonly #scope: string;
  readonly #http: HttpGetter;
  /** Credentials yet to be tried; undefined is to be nobody. */
  readonly #candidates: (RegistryCredential | undefined)[];
  #authorization: string | undefined;
  #current: RegistryCredential | undefined;
  /** Whether the present authorization was good for anything. */
  #isAccepted = false;
  #authenticating: Promise<void> = Promise.resolve();

  constructor(options: RegistryClientOptions) {
    const { reference, registries } = options;
    const config = registries.find(({ registry }) => registry === reference.registry);
    const isPlain = config?.plainHttp ?? LOOPBACK.test(reference.registry);
    const host = reference.registry === 'docker.io' ? 'registry-1.docker.io' : reference.registry;
    this.#name = nameOf(reference);
    this.#base = new URL(`${isPlain ? 'http' : 'https'}://${host}/v2/${reference.repository}/`);
    this.#scope = `repository:${reference.repository}:pull`;
    this.#http = new HttpGetter({
      allowPlain: isPlain,
      ...(config?.ca === undefined ? {} : { ca: config.ca }),
    });
    this.#candidates = [...options.credentials.filter((one) => isFor(one, this.#name)), undefined];
  }

  /**
   * A manifest or index, verified against the digest it was asked by or is said to have.
   * @param which a tag or a digest
   * @throws NotFound, Unauthorized, Unavailable, TooManyRequests, Corrupt, TooLarge
   */
  async manifest(which: string, signal: AbortSignal): Promise<{ data: Buffer; digest: string }> {
    const response = await this.#get(`manifests/${which}`, { accept: ACCEPT }, signal);
    if (response.statusCode !== 200) throw await this.#failure(response, which);
    const data = await readBody(response, LIMITS.imageDocumentBytes);
    const digest = sha256(data);
    const said = response.headers['docker-content-digest'];
    const expected = which.startsWith('sha256:') ? which : said;
    if (typeof expected === 'string' && expected.startsWith('sha256:') && expected !== digest) {
      throw new AmphoraError(
        'Corrupt',
        `the manifest of ${this.#name} that should be ${expected} is ${digest}`,
      );
    }
    return { data, digest };
  }

  /** The bytes of a blob from `offset` on (status 206), or, where the registry knows no ranges, from the start (200). */
  async blob(digest: string, offset: number, signal: AbortSignal): Promise<IncomingMessage> {
    const range: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
    const response = await this.#get(`blobs/${digest}`, { 'accept-encoding': 'identity', ...range }, signal);
    const status = response.statusCode ?? 0;
    if (status === 200 || status === 206 || status === 416) return response;
    throw await this.#failure(response, digest);
  }

  close(): void {
    this.#http.close();
  }

  async #get(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(path, this.#base);
    for (;;) {
      const used = this.#authorization;
      const response = await this.#http.get(
        url,
        used === undefined ? headers : { ...headers, authorization: used },
        signal,
      );
      const status = response.statusCode ?? 0;
      const isRefused = status === 401 || (status === 403 && used !== undefined);
      if (!isRefused) {
        if (used !== undefined && used === this.#authorization) this.#isAccepted = true;
        return response;
      }
      response.destroy();
      // Several downloads of one pull are refused together when a token runs out: one of them finds the next.
      const before = this.#authenticating;
      const turn = before.then(async () => {
        if (this.#authorization === used) await this.#authenticate(response, signal);
      });
      this.#authenticating = turn.catch(() => {});
      await turn;
    }
  }

  /** Finds the next way to authenticate. @throws Unauthorized when there is none left. */
  async #authenticate(response: IncomingMessage, signal: AbortSignal): Promise<void> {
    const challenges = parseChallenges(response.headers['www-authenticate'] ?? '');
    // What was good until now has run out, and is good for another.
    if (this.#isAccepted) this.#candidates.unshift(this.#current);
    this.#isAccepted = false;
    while (this.#candidates.length > 0) {
      const credential = this.#candidates.shift();
      this.#current = credential;
      for (const challenge of challenges) {
        const found = await this.#answer(challenge, credential, signal);
        if (found === undefined) continue;
        this.#authorization = found;
        return;
      }
    }
    throw new AmphoraError(
      'Unauthorized',
      `${this.#base.host} lets nobody of us pull ${this.#name}: check the name, and give the pod an imagePullSecret for it`,
    );
  }

  async #answer(
    challenge: Challenge,
    credential: RegistryCredential | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const basic = credential === undefined ? undefined : toBasic(credential);
    if (challenge.scheme === 'basic') return basic;
    if (challenge.scheme !== 'bearer' || challenge.parameters.realm === undefined) return undefined;
    const url = new URL(challenge.parameters.realm, this.#base);
    const { service, scope = this.#scope } = challenge.parameters;
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', scope);
    const response = await this.#http.get(url, basic === undefined ? {} : { authorization: basic }, signal);
    const body = await readBody(response, MIB);
    if (response.statusCode === 401 || response.statusCode === 403) return undefined;
    if (response.statusCode !== 200) throw statusError(response, `the token service ${url.host}`);
    const { token, access_token: other } = parseObject(body, 'token');
    const found = token ?? other;
    return typeof found === 'string' ? `Bearer ${found}` : undefined;
  }

  async #failure(response: IncomingMessage, which: string): Promise<AmphoraError> {
    response.destroy();
    const status = response.statusCode ?? 0;
    const separator = which.startsWith('sha256:') ? '@' : ':';
    if (status === 404) {
      const message = `${this.#name}${separator}${which} is not in the registry: check its name and tag`;
      return new AmphoraError('NotFound', message);
    }
    if (status === 401 || status === 403) {
      return new AmphoraError(
        'Unauthorized',
        `${this.#base.host} refuses ${this.#name}: check the imagePullSecret`,
      );
    }
    return statusError(response, this.#base.host);
  }
}

function statusError(response: IncomingMessage, who: string): AmphoraError {
  const status = response.statusCode ?? 0;
  const seconds = Number(response.headers['retry-after']);
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? { retryAfterSeconds: seconds } : {};
  if (status === 429)
    return new AmphoraError('TooManyRequests', `${who} limits how often it is asked`, retryAfter);
  if (status >= 500)
    return new AmphoraError('Unavailable', `${who} answers with status ${status}`, retryAfter);
  return new AmphoraError('BadRequest', `${who} answers with the unexpected status ${status}`);
}

/** A credential is for a registry, or for the repositories below a path of it. */
function isFor(credential: RegistryCredential, name: string): boolean {
  const prefix = credential.registry
    .replace(/^https?:\/\//, '')
    .replace(/\/+$/, '')
    .replace(/^(?:index\.docker\.io|registry-1\.docker\.io)(?:\/v[12])?$/, 'docker.io');
  return name === prefix || name.startsWith(`${prefix}/`);
}

function toBasic(credential: RegistryCredential): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}
