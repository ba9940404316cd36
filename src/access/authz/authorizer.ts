import type { User } from '../user.ts';

/** What is asked of the API, as `SubjectAccessReview` words it. */
export type Attributes = ResourceAttributes | PathAttributes;

export interface ResourceAttributes {
  readonly kind: 'resource';
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** Empty for none. */
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** As the caller wrote it; left out for none. */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface PathAttributes {
  readonly kind: 'path';
  readonly verb: string;
  readonly path: string;
}

/** What one way to decide says; `none` leaves it to the others, with a reason why it could not allow. */
export interface Opinion {
  readonly verdict: 'allow' | 'deny' | 'none';
  readonly reason: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** Forbidden by one that may say so, not only allowed by nobody. */
  readonly denied?: boolean;
  /** Said to the caller and to the audit log. */
  readonly reason: string;
}

/** May `user` do it? Called for every request, before the body is read. RBAC is one implementation. */
export interface Authorizer {
  authorize(user: User, attributes: Attributes, signal: AbortSignal): Promise<Decision>;
}
