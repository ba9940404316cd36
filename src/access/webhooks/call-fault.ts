/**
 * Why a call failed, in the words people search for: those of Go's HTTP client, which upstream passes on.
 * @param host with its port
 */
export function callFault(error: unknown, host: string): string {
  if (!(error instanceof Error)) return String(error);
  const code = String((error as NodeJS.ErrnoException).code ?? '');
  const known = Object.hasOwn(FAULTS, code) ? FAULTS[code] : undefined;
  return known === undefined ? error.message : known.replace('HOST', host);
}

const UNKNOWN_AUTHORITY = 'tls: failed to verify certificate: x509: certificate signed by unknown authority';

const FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'dial tcp HOST: connect: connection refused',
  EHOSTUNREACH: 'dial tcp HOST: connect: no route to host',
  ENETUNREACH: 'dial tcp HOST: connect: network is unreachable',
  ENOTFOUND: 'dial tcp: lookup HOST: no such host',
  ECONNRESET: 'EOF',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  CERT_SIGNATURE_FAILURE: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
};
