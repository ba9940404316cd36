import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { exportJWK, type JWK } from 'jose';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { KeyFiles } from './key-files.ts';

const SIGNING_KEY = 'service-account.key';
/** `service-account.2025.key`, `service-account.old.pub`: keys that signed before, or will. */
const OTHER_KEY = /^service-account\..+\.(key|pub)$/;
const CURVES: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384' };

export interface VerificationKey {
  readonly id: string;
  readonly algorithm: string;
  readonly key: KeyObject;
}

/** The key that signs service account tokens, and all whose signature is accepted. */
export interface SigningKeys {
  readonly signing: VerificationKey & { readonly privateKey: KeyObject };
  /** By id; the signing key's own is one of them. */
  readonly accepted: ReadonlyMap<string, VerificationKey>;
  /** RFC 7517. */
  keySet(): Promise<{ keys: readonly JWK[] }>;
}

/**
 * The keys among `keys`: `service-account.key` signs and is made on first use. To change it, rename it to
 * `service-account.<anything>.key` and start again: a new one is made, and what the old one signed stays good until
 * that file is removed.
 * @throws Corrupt for a file that holds no such key
 */
export async function openSigningKeys(keys: KeyFiles): Promise<SigningKeys> {
  const signing = await signingKeyIn(keys);
  const others = (await keys.names()).filter((name) => OTHER_KEY.test(name)).sort();
  const pems = await Promise.all(others.slice(0, LIMITS.verificationKeys).map((name) => keys.read(name)));
  return signingKeys(
    signing,
    pems.filter((pem) => pem !== undefined),
  );
}

/** @param pem PKCS #8 @param others PEM: keys, public or private */
export function signingKeys(pem: string, others: readonly string[] = []): SigningKeys {
  const signing = { ...verificationKey(pem), privateKey: createPrivateKey(pem) };
  const keys = [signing, ...others.map(verificationKey)];
  return {
    signing,
    accepted: new Map(keys.map((one) => [one.id, one])),
    keySet: async () => ({ keys: await Promise.all(keys.map(toJwk)) }),
  };
}

async function signingKeyIn(keys: KeyFiles): Promise<string> {
  const found = await keys.read(SIGNING_KEY);
  if (found !== undefined) return found;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await keys.write(SIGNING_KEY, pem, 0o600);
  return pem;
}

function verificationKey(pem: string): VerificationKey {
  try {
    const key = createPublicKey(pem);
    const der = key.export({ type: 'spki', format: 'der' });
    return { id: createHash('sha256').update(der).digest('base64url'), algorithm: algorithmOf(key), key };
  } catch (error) {
    throw new AmphoraError('Corrupt', 'a service account key is no PEM key of P-256, P-384 or RSA', {
      cause: error,
    });
  }
}

function algorithmOf(key: KeyObject): string {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048) return 'RS256';
  const algorithm = CURVES[namedCurve];
  if (algorithm === undefined) throw new RangeError('this kind of key is not supported');
  return algorithm;
}

async function toJwk({ id, algorithm, key }: VerificationKey): Promise<JWK> {
  return { ...(await exportJWK(key)), use: 'sig', alg: algorithm, kid: id };
}
