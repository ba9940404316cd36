import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import 'reflect-metadata'; // A library below @peculiar/x509 needs it to be there first.
import * as x509 from '@peculiar/x509';

export const SIGNING_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Tolerated difference between the clocks of two machines. */
export const CLOCK_SKEW_MS = 5 * 60 * 1000;

/** PEM, as files hold it. */
export interface KeyPair {
  readonly certificate: string;
  /** PKCS #8. */
  readonly key: string;
}

export interface Subject {
  readonly user: string;
  readonly groups: readonly string[];
}

export interface Issuer {
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

export async function createAuthority(name: string, validity: { now: number; days: number }) {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    ...period(validity),
    signingAlgorithm: SIGNING_ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

/** @throws when the two are not a certificate and its PKCS #8 key. */
export async function loadIssuer(pair: KeyPair): Promise<Issuer> {
  const der = x509.PemConverter.decodeFirst(pair.key);
  const key = await webcrypto.subtle.importKey('pkcs8', der, SIGNING_ALGORITHM, true, ['sign']);
  return { certificate: new x509.X509Certificate(pair.certificate), key };
}

export function issueServer(
  issuer: Issuer,
  options: { name: string; names: readonly string[]; now: number; days: number },
): Promise<KeyPair> {
  const names = options.names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const);
  return issue(issuer, {
    ...options,
    subject: [{ CN: [options.name] }],
    usage: '1.3.6.1.5.5.7.3.1',
    extensions: [new x509.SubjectAlternativeNameExtension(names)],
  });
}

/** CN is the user and each O a group: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates */
export function issueClient(
  issuer: Issuer,
  options: Subject & { now: number; days: number },
): Promise<KeyPair> {
  const organizations = options.groups.map((group) => ({ O: [group] }));
  return issue(issuer, {
    ...options,
    subject: [...organizations, { CN: [options.user] }],
    usage: '1.3.6.1.5.5.7.3.2',
    extensions: [],
  });
}

async function issue(
  issuer: Issuer,
  options: {
    subject: x509.JsonName;
    usage: string;
    extensions: x509.Extension[];
    now: number;
    days: number;
  },
): Promise<KeyPair> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: options.subject,
    issuer: issuer.certificate.subjectName,
    ...period(options),
    signingAlgorithm: SIGNING_ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: issuer.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([options.usage]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate.publicKey),
      ...options.extensions,
    ],
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(SIGNING_ALGORITHM, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

function period(validity: { now: number; days: number }) {
  return {
    notBefore: new Date(validity.now - CLOCK_SKEW_MS),
    notAfter: new Date(validity.now + validity.days * DAY_MS),
  };
}

/** 127 random bits: positive, and never the same twice. */
export function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f || 1;
  return bytes.toString('hex');
}
