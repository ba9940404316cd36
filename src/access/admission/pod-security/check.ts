import type { Container, EphemeralContainer, ObjectMeta, PodSpec } from '../../../api/types.generated.ts';

/** What a check has against a pod: `reason (detail)`. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

export type CheckPod = (pod: PodParts) => Violation | undefined;

export interface PodParts {
  readonly metadata: ObjectMeta;
  readonly spec: PodSpec;
  /** Init, ordinary and ephemeral ones, in this order. */
  readonly containers: readonly (Container | EphemeralContainer)[];
}

/** One of the Pod Security Standards' rules. https://kubernetes.io/docs/concepts/security/pod-security-standards/ */
export interface Check {
  /** As upstream names it: what is wrong is said in this order. */
  readonly id: string;
  readonly level: 'baseline' | 'restricted';
  /** The rule as it was from each minor version on, oldest first. */
  readonly versions: readonly { readonly since: number; readonly check: CheckPod }[];
  /** The weaker check of the level below that this one stands for. */
  readonly overrides?: string;
}

export function partsOf(metadata: ObjectMeta, spec: PodSpec): PodParts {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = spec;
  return { metadata, spec, containers: [...initContainers, ...containers, ...ephemeralContainers] };
}

export function isWindows({ spec }: PodParts): boolean {
  return spec.os?.name === 'windows';
}

/** From 1.35 some rules let go what is root only inside of its own user namespace. */
export function hasOwnUsers({ spec }: PodParts): boolean {
  return spec.hostUsers === false;
}

/** `container "a"`, `containers "a", "b"` */
export function named(what: string, names: readonly string[]): string {
  return `${plural(what, names.length)} ${quoted(names)}`;
}

export function plural(word: string, count: number): string {
  return count === 1 ? word : `${word}s`;
}

export function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ');
}

/** Each once, in order. */
export function sorted(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

/** The names of the containers that do something. */
export function namesOf(
  { containers }: PodParts,
  does: (container: Container | EphemeralContainer) => boolean,
): string[] {
  return containers.filter(does).map(({ name }) => name);
}

/** `pod and container "a"`: who set what may not be set. */
export function setters(pod: boolean, names: readonly string[]): string[] {
  return [...(pod ? ['pod'] : []), ...(names.length === 0 ? [] : [named('container', names)])];
}
