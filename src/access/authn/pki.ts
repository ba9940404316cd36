import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { Issuer, KeyPair, Subject } from './certificates.ts';
import type { KeyFiles } from './key-files.ts';
import type { SigningRequest } from './sign-request.ts';

const CA_DAYS = 3650;
const LEAF_DAYS = 365;
/** A certificate is renewed when less than this share of its life is left. */
const RENEW_SHARE = 1 / 3;

/** Names every server certificate has; the address is the first of the default service range. */
const SERVER_NAMES = [
  'localhost',
  '127.0.0.1',
  '::1',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  '10.96.0.1',
];

/** The certificate authority of one installation. Files: `<name>.crt` and `<name>.key` in one directory of mode 0700. */
export interface Pki {
  /** PEM; public. */
  readonly caCertificate: string;
  /** The server's certificate, made or renewed when it is missing, old, or lacks one of the names. */
  server(extraNames?: readonly string[]): Promise<KeyPair>;
  /** A client certificate kept under `name`, made or renewed when it is missing, old, or says another subject. */
  client(name: string, subject: Subject): Promise<KeyPair>;
  /** A client certificate that is kept nowhere here. */
  issue(subject: Subject, days?: number): Promise<KeyPair>;
  /** A certificate for somebody else's key. @param of `request` is PEM, and was checked */
  sign(of: SigningRequest): Promise<string>;
}

/**
 * Opens the authority among `keys`, making it on first start.
 * @throws Corrupt when only one of the CA's two files is there, or they do not belong together.
 */
export async function openPki(options: { keys: KeyFiles; clock: Clock }): Promise<Pki> {
  const { keys, clock } = options;
  const ca = await openAuthority(keys, clock);
  const issue = async (subject: Subject, days = LEAF_DAYS) => {
    const { issueClient } = await maker();
    return await issueClient(await issuerOf(ca), { ...subject, now: clock.now(), days });
  };
  return {
    caCertificate: ca.certificate,
    server: (extra = []) => ensureServer({ keys, clock, ca }, extra),
    client: (name, subject) =>
      ensure(
        { keys, name, clock },
        (found) => sameSubject(found, subject) && signedBy(found, ca),
        () => issue(subject),
      ),
    issue,
    sign: async (of) => {
      const { signRequest } = await import('./sign-request.ts');
      return await signRequest(await issuerOf(ca), { ...of, now: clock.now() });
    },
  };
}

async function openAuthority(keys: KeyFiles, clock: Clock): Promise<KeyPair> {
  const found = await readPair(keys, 'ca');
  if (found !== undefined) {
    const certificate = new X509Certificate(found.certificate);
    if (clock.now() > Date.parse(certificate.validTo))
      throw new AmphoraError(
        'Corrupt',
        `the certificate authority at ${keys.path('ca.crt')} has expired: remove ca.crt and ca.key, then start again`,
      );
    return found;
  }
  // A name of its own, so that a client never mixes up the authorities of two installations.
  const name = `amphora-ca-${randomBytes(4).toString('hex')}`;
  const made = await (await maker()).createAuthority(name, { now: clock.now(), days: CA_DAYS });
  await writePair(keys, 'ca', made);
  return made;
}

/** What makes certificates is large, and a start that finds all it needs makes none. */
function maker(): Promise<typeof import('./certificates.ts')> {
  return import('./certificates.ts');
}

async function issuerOf(ca: KeyPair): Promise<Issuer> {
  return await (await maker()).loadIssuer(ca);
}

function ensureServer(at: { keys: KeyFiles; clock: Clock; ca: KeyPair }, extra: readonly string[]) {
  const names = [...new Set([...SERVER_NAMES, hostname(), ...extra])];
  return ensure(
    { ...at, name: 'server' },
    (found) => names.every((name) => hasName(found, name)) && signedBy(found, at.ca),
    async () => {
      const validity = { now: at.clock.now(), days: LEAF_DAYS };
      return (await maker()).issueServer(await issuerOf(at.ca), { name: 'amphora', names, ...validity });
    },
  );
}

async function ensure(
  at: { keys: KeyFiles; name: string; clock: Clock },
  fits: (found: X509Certificate) => boolean,
  make: () => Promise<KeyPair>,
): Promise<KeyPair> {
  const found = await readPair(at.keys, at.name);
  if (found !== undefined) {
    const certificate = new X509Certificate(found.certificate);
    if (!isOld(certificate, at.clock.now()) && fits(certificate)) return found;
  }
  const made = await make();
  await writePair(at.keys, at.name, made);
  return made;
}

function isOld(certificate: X509Certificate, now: number): boolean {
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  return now < from || now > to - (to - from) * RENEW_SHARE;
}

function signedBy(certificate: X509Certificate, ca: KeyPair): boolean {
  return certificate.checkIssued(new X509Certificate(ca.certificate));
}

function hasName(certificate: X509Certificate, name: string): boolean {
  return (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
}

function sameSubject(certificate: X509Certificate, subject: Subject): boolean {
  const lines = certificate.subject.split('\n');
  const want = [...subject.groups.map((group) => `O=${group}`), `CN=${subject.user}`];
  return lines.length === want.length && want.every((line) => lines.includes(line));
}

async function readPair(keys: KeyFiles, name: string): Promise<KeyPair | undefined> {
  const [certificate, key] = await Promise.all([keys.read(`${name}.crt`), keys.read(`${name}.key`)]);
  if (certificate !== undefined && key !== undefined && belongTogether(certificate, key))
    return { certificate, key };
  if (name !== 'ca' || (certificate === undefined && key === undefined)) return undefined;
  // A new authority would lock out every client silently; that decision is a person's.
  throw new AmphoraError(
    'Corrupt',
    `${keys.path('ca.crt')} and ca.key are not a pair: restore both, or remove both to start a new authority`,
  );
}

function belongTogether(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

async function writePair(keys: KeyFiles, name: string, pair: KeyPair): Promise<void> {
  await keys.write(`${name}.key`, pair.key, 0o600);
  await keys.write(`${name}.crt`, pair.certificate, 0o644);
}
