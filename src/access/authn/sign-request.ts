import type { webcrypto } from 'node:crypto';
import 'reflect-metadata'; // A library below @peculiar/x509 needs it to be there first.
import * as x509 from '@peculiar/x509';
import { SECOND_MS } from '../../lib/limits.ts';
import { CLOCK_SKEW_MS, type Issuer, SIGNING_ALGORITHM, serialNumber } from './certificates.ts';

export interface SigningRequest {
  /** PEM. */
  readonly request: string;
  /** As a CertificateSigningRequest names them. */
  readonly usages: readonly string[];
  readonly seconds: number;
}

const { KeyUsageFlags } = x509;

/** https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/certificate-signing-request-v1/ */
const KEY_USAGES: Readonly<Record<string, number>> = {
  signing: KeyUsageFlags.digitalSignature,
  'digital signature': KeyUsageFlags.digitalSignature,
  'content commitment': KeyUsageFlags.nonRepudiation,
  'key encipherment': KeyUsageFlags.keyEncipherment,
  'key agreement': KeyUsageFlags.keyAgreement,
  'data encipherment': KeyUsageFlags.dataEncipherment,
  'cert sign': KeyUsageFlags.keyCertSign,
  'crl sign': KeyUsageFlags.cRLSign,
  'encipher only': KeyUsageFlags.encipherOnly,
  'decipher only': KeyUsageFlags.decipherOnly,
};
const PURPOSES = '1.3.6.1.5.5.7.3';
const EXTENDED_USAGES: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': `${PURPOSES}.1`,
  'client auth': `${PURPOSES}.2`,
  'code signing': `${PURPOSES}.3`,
  'email protection': `${PURPOSES}.4`,
  's/mime': `${PURPOSES}.4`,
  'ipsec end system': `${PURPOSES}.5`,
  'ipsec tunnel': `${PURPOSES}.6`,
  'ipsec user': `${PURPOSES}.7`,
  timestamping: `${PURPOSES}.8`,
  'ocsp signing': `${PURPOSES}.9`,
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
};
const ALTERNATIVE_NAMES = '2.5.29.17';

/** Of the request only its subject, key and alternative names are taken; it ends before its authority does. */
export async function signRequest(
  issuer: Issuer,
  of: SigningRequest & { readonly now: number },
): Promise<string> {
  const request = new x509.Pkcs10CertificateRequest(of.request);
  const names = request.getExtension(ALTERNATIVE_NAMES);
  const flags = of.usages.reduce((all, usage) => all | (KEY_USAGES[usage] ?? 0), 0);
  const purposes = of.usages.flatMap((usage) => EXTENDED_USAGES[usage] ?? []);
  const end = Math.min(of.now + of.seconds * SECOND_MS, issuer.certificate.notAfter.getTime());
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: request.subjectName.toJSON(),
    issuer: issuer.certificate.subjectName,
    notBefore: new Date(of.now - CLOCK_SKEW_MS),
    notAfter: new Date(end),
    signingAlgorithm: SIGNING_ALGORITHM,
    publicKey: request.publicKey,
    signingKey: issuer.key satisfies webcrypto.CryptoKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      // An extension that allows nothing is malformed: OpenSSL takes no such certificate.
      ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
      ...(purposes.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension([...new Set(purposes)])]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate.publicKey),
      ...(names === null ? [] : [names]),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}
