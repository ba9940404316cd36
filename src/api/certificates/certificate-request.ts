import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { AmphoraError } from '../../lib/errors.ts';
import { KIB } from '../../lib/limits.ts';
import { bitStringBytes, type DerElement, DerReader, malformed, membersOf, oidText, TAG } from './der.ts';

const LONGEST_REQUEST = 64 * KIB;
const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const ALTERNATIVE_NAMES = '2.5.29.17';

/** Digest by the identifier of the signature's algorithm; null where the algorithm has its own. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
};

/** What a PKCS #10 request asks for (RFC 2986), its signature checked. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
  /** As bytes: four or sixteen. */
  readonly addresses: readonly Buffer[];
}

/** @throws BadRequest for what is no request, or one whose signature is not of its own key */
export function parseCertificateRequest(pem: string): CertificateRequest {
  const outer = new DerReader(decodePem(pem)).next(TAG.sequence);
  const reader = new DerReader(outer.content);
  const info = reader.next(TAG.sequence);
  const algorithm = reader.next(TAG.sequence);
  const signature = bitStringBytes(reader.next(TAG.bitString));
  reader.end();
  const inside = new DerReader(info.content);
  inside.next(TAG.integer);
  const subject = inside.next(TAG.sequence);
  const key = publicKey(inside.next(TAG.sequence));
  const attributes = inside.optional(TAG.context0);
  checkSignature({ info, algorithm, signature, key });
  return { ...namesOf(subject), ...alternativeNames(attributes) };
}

function decodePem(pem: string): Buffer {
  if (pem.length > LONGEST_REQUEST) throw new AmphoraError('BadRequest', 'the request is too large');
  const found = /^\s*-----BEGIN ([A-Z ]+)-----\s([A-Za-z0-9+/=\s]*)-----END \1-----/.exec(pem);
  if (found?.[1] !== 'CERTIFICATE REQUEST')
    throw new AmphoraError('BadRequest', 'PEM block type must be CERTIFICATE REQUEST');
  return Buffer.from(found[2] ?? '', 'base64');
}

function publicKey({ whole }: DerElement): KeyObject {
  try {
    return createPublicKey({ key: whole, format: 'der', type: 'spki' });
  } catch (error) {
    throw new AmphoraError('BadRequest', 'the public key is not understood', { cause: error });
  }
}

function checkSignature(parts: {
  readonly info: DerElement;
  readonly algorithm: DerElement;
  readonly signature: Buffer;
  readonly key: KeyObject;
}): void {
  const oid = oidText(new DerReader(parts.algorithm.content).next(TAG.oid));
  const digest = Object.hasOwn(DIGESTS, oid) ? DIGESTS[oid] : undefined;
  if (digest === undefined)
    throw new AmphoraError('BadRequest', `the signature algorithm ${oid} is not supported`);
  let isGood = false;
  try {
    isGood = verify(digest, parts.info.whole, parts.key, parts.signature);
  } catch {
    // A key that does not fit the algorithm.
  }
  if (!isGood) throw new AmphoraError('BadRequest', 'the signature is not that of the public key');
}

function namesOf(subject: DerElement): Pick<CertificateRequest, 'commonName' | 'organizations'> {
  let commonName = '';
  const organizations: string[] = [];
  for (const set of membersOf(subject))
    for (const pair of membersOf(set)) {
      const [type, value] = [...membersOf(pair)];
      if (type === undefined || value === undefined) throw malformed('a name without a value');
      const text = textOf(value);
      const oid = oidText(type);
      if (oid === COMMON_NAME) commonName = text;
      else if (oid === ORGANIZATION) organizations.push(text);
    }
  return { commonName, organizations };
}

/** UTF8String, PrintableString, IA5String and their like; BMPString as two bytes each. */
function textOf({ tag, content }: DerElement): string {
  if (tag === 0x1e) return new TextDecoder('utf-16be').decode(content);
  return content.toString('utf8');
}

type AlternativeNames = Pick<CertificateRequest, 'dnsNames' | 'emails' | 'uris' | 'addresses'>;

function alternativeNames(attributes: DerElement | undefined): AlternativeNames {
  const names = {
    dnsNames: [] as string[],
    emails: [] as string[],
    uris: [] as string[],
    addresses: [] as Buffer[],
  };
  for (const extension of extensionsOf(attributes)) {
    const members = [...membersOf(extension)];
    const [type] = members;
    const value = members.at(-1);
    if (type === undefined || value?.tag !== TAG.octetString || oidText(type) !== ALTERNATIVE_NAMES) continue;
    for (const { tag, content } of membersOf(new DerReader(value.content).next(TAG.sequence)))
      if (tag === 0x81) names.emails.push(content.toString('latin1'));
      else if (tag === 0x82) names.dnsNames.push(content.toString('latin1'));
      else if (tag === 0x86) names.uris.push(content.toString('latin1'));
      else if (tag === 0x87) names.addresses.push(content);
  }
  return names;
}

function* extensionsOf(attributes: DerElement | undefined): Generator<DerElement> {
  if (attributes === undefined) return;
  for (const attribute of membersOf(attributes)) {
    const [type, values] = [...membersOf(attribute)];
    if (type === undefined || values === undefined || oidText(type) !== EXTENSION_REQUEST) continue;
    for (const list of membersOf(values)) yield* membersOf(list);
  }
}
