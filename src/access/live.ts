import type { ApiObject } from '../api/kind.ts';

/**
 * What is stored now, for code on the path of a request: read from memory, never from the store. A write of this
 * server is seen within the same turn of the event loop or the next, another server's as soon as the store says so.
 */
export interface LiveView {
  /**
   * @param resource qualified: `clusterroles.rbac.authorization.k8s.io`; the same one always gets the same answer.
   * Whoever asks before the server answers finds everything there; who asks later waits for `loaded`.
   */
  of(resource: string): LiveObjects;
}

/** All objects of one resource, in the version that is stored. Objects are frozen and shared. */
export interface LiveObjects {
  /** Grows with each change, so that what was compiled from these objects knows when it is old. */
  readonly version: number;
  /** Resolves when the objects were read for the first time. */
  readonly loaded: Promise<void>;
  values(): Iterable<Readonly<ApiObject>>;
  /** @param namespace empty for what has none */
  get(namespace: string, name: string): Readonly<ApiObject> | undefined;
  /** Tells of each object that is there, and from then on of each change, at once. It may not throw. */
  listen(listener: LiveListener): void;
}

/** `gone`: the object was deleted; it is handed over as it was last. */
export type LiveListener = (object: Readonly<ApiObject>, gone: boolean) => void;
