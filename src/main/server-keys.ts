import type { KeyPair } from '../access/authn/certificates.ts';
import type { KeyFiles } from '../access/authn/key-files.ts';
import { openPki, type Pki } from '../access/authn/pki.ts';
import { openSigningKeys, type SigningKeys } from '../access/authn/signing-keys.ts';
import { systemClock } from '../lib/clock.ts';
import { FRONT_PROXY } from './extension-authentication.ts';

/** All that a server proves and is proven with. */
export interface ServerKeys {
  readonly pki: Pki;
  readonly server: KeyPair;
  readonly signing: SigningKeys;
  readonly frontProxyCa: string;
  readonly frontProxy: KeyPair;
}

/** Makes what is missing, by the machine's own time: TLS knows no other. Of several that do so at once in one place, one must be let through at a time. */
export async function openServerKeys(keys: KeyFiles): Promise<ServerKeys> {
  const clock = systemClock;
  const pki = await openPki({ keys, clock });
  const front = await openPki({ keys: keys.below('front-proxy'), clock });
  return {
    pki,
    server: await pki.server(),
    signing: await openSigningKeys(keys),
    frontProxyCa: front.caCertificate,
    frontProxy: await front.client(FRONT_PROXY, { user: FRONT_PROXY, groups: [] }),
  };
}
