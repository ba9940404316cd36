import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { pathInside, writeFileAtomic } from '../../lib/files.ts';
import type { Issuer, KeyPair, Subject } from './certificates.ts';
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
 * Opens the authority in `directory`, making it on first start.
 * @throws Corrupt when only one of the CA's two files is there, or they do not belong together.
 */
export async function openPki(options: { directory: string; clock: Clock }): Promise<Pki> {
  const { directory, clock } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const ca = await openAuthority(directory, clock);
  const issue = async (subject: Subject, days = LEAF_DAYS) => {
    const { issueClient } = await maker();
    return await issueClient(await issuerOf(ca), { ...subject, now: clock.now(), days });
  };
  return {
    caCertificate: ca.certificate,
    server: (extra = []) => ensureServer({ directory, clock, ca }, extra),
    client: (name, subject) =>
      ensure(
        { directory, name, clock },
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

async function openAuthority(directory: string, clock: Clock): Promise<KeyPair> {
  const found = await readPair(directory, 'ca');
  if (found !== undefined) {
    const certificate = new X509Certificate(found.certificate);
    if (clock.now() > Date.parse(certificate.validTo))
      throw new AmphoraError(
        'Corrupt',
        `the certificate authority in ${directory} has expired: remove ca.crt and ca.key, then start again`,
      );
    return found;
  }
  // A name of its own, so that a client never mixes up the authorities of two installations.
  const name = `amphora-ca-${randomBytes(4).toString('hex')}`;
  const made = await (await maker()).createAuthority(name, { now: clock.now(), days: CA_DAYS });
  await writePair(directory, 'ca', made);
  return made;
}

/** What makes certificates is large, and a start that finds all it needs makes none. */
function maker(): Promise<typeof import('./certificates.ts')> {
  return import('./certificates.ts');
}

async function issuerOf(ca: KeyPair): Promise<Issuer> {
  return await (await maker()).loadIssuer(ca);
}

function ensureServer(at: { directory: string; clock: Clock; ca: KeyPair }, extra: readonly string[]) {
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
  at: { directory: string; name: string; clock: Clock },
  fits: (found: X509Certificate) => boolean,
  make: () => Promise<KeyPair>,
): Promise<KeyPair> {
  const found = await readPair(at.directory, at.name);
  if (found !== undefined) {
    const certificate = new X509Certificate(found.certificate);
    if (!isOld(certificate, at.clock.now()) && fits(certificate)) return found;
  }
  const made = await make();
  await writePair(at.directory, at.name, made);
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

async function readPair(directory: string, name: string): Promise<KeyPair | undefined> {
  const [certificate, key] = await Promise.all([
    readIfThere(pathInside(directory, `${name}.crt`)),
    readIfThere(pathInside(directory, `${name}.key`)),
  ]);
  if (certificate !== undefined && key !== undefined && belongTogether(certificate, key))
    return { certificate, key };
  if (name !== 'ca' || (certificate === undefined && key === undefined)) return undefined;
  // A new authority would lock out every client silently; that decision is a person's.
  throw new AmphoraError(
    'Corrupt',
    `${join(directory, 'ca.crt')} and ca.key are not a pair: restore both, or remove both to start a new authority`,
  );
}

function belongTogether(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

async function writePair(directory: string, name: string, pair: KeyPair): Promise<void> {
  await writeFileAtomic(pathInside(directory, `${name}.key`), pair.key, 0o600);
  await writeFileAtomic(pathInside(directory, `${name}.crt`), pair.certificate, 0o644);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw AmphoraError.during(`reading ${path}`, error);
  }
}
