import { X509Certificate } from 'node:crypto';

/** Whether a webhook's `caBundle` (base64 of PEM) holds certificates that can be read; an empty one asks for none. */
export function isCaBundle(bundle: string): boolean {
  const pem = Buffer.from(bundle, 'base64').toString('latin1');
  if (pem.trim() === '') return true;
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.length > 0 && blocks.every(isCertificate);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
