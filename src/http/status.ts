import { AmphoraError, type ErrorDetail } from '../lib/errors.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: { readonly continue?: string };
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: ReadonlyArray<{ reason?: string; message?: string; field?: string }>;
  readonly retryAfterSeconds?: number;
}

function causeOf({
  reason,
  field,
  message,
}: ErrorDetail): ErrorDetail | Omit<ErrorDetail, 'reason' | 'field'> {
  if (reason !== '' && field !== '') return { reason, field, message };
  return { message, ...(reason === '' ? {} : { reason }), ...(field === '' ? {} : { field }) };
}

/** The one place where an error becomes what the wire carries. */
export function toStatus(error: unknown): Status {
  const known = AmphoraError.from(error);
  const { continue: token } = known;
  const { about, details, retryAfterSeconds } = known;
  const filled: StatusDetails = {
    ...(about?.name ? { name: about.name } : {}),
    ...(about?.group ? { group: about.group } : {}),
    ...(about?.kind ? { kind: about.kind } : {}),
    ...(about?.uid ? { uid: about.uid } : {}),
    ...(details.length > 0 ? { causes: details.map(causeOf) } : {}),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
  const hasDetails = Object.keys(filled).length > 0 || known.code === 'NotFound';
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: token === undefined ? {} : { continue: token },
    status: 'Failure',
    message: known.code === 'Internal' ? `Internal error occurred: ${known.message}` : known.message,
    reason: known.reason,
    ...(hasDetails ? { details: filled } : {}),
    code: known.status,
  };
}

export function successStatus(details?: StatusDetails): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    ...(details === undefined ? {} : { details }),
    code: 200,
  };
}

/** Upstream's words for a path or kind that is not there; clients look for them. */
export function noSuchResource(): AmphoraError {
  return new AmphoraError('NotFound', 'the server could not find the requested resource');
}

export function methodNotAllowed(): AmphoraError {
  return new AmphoraError(
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  );
}
