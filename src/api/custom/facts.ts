import type { ErrorDetail } from '../../lib/errors.ts';
import type { JsonObject } from '../json.ts';
import type { Schema } from '../schema.ts';
import type { Node } from './node.ts';

/**
 * What a kind has that a CRD defined: everything that is read from the CRD once after it changed, when it is first
 * asked for: most kinds of a cluster are seldom used.
 */
export interface CustomFacts {
  /** Of this version. */
  readonly root: Node;
  /** Of each version that objects may be stored in, by its name. */
  readonly versions: Pick<ReadonlyMap<string, Node>, 'get'>;
  /** Of `metadata`. */
  readonly meta: Schema;
  /** The schema as the CRD has it. */
  readonly openApi: JsonObject;
  /** Whom to ask for an object in another version; undefined: only the apiVersion changes. */
  readonly webhook: ConversionWebhook | undefined;
  /** Objects of this revision or before were written under another schema and are brought in line when they are read. */
  readonly since: number;
  /** What a client that uses this version is told. */
  readonly deprecation: string | undefined;
  /** Its CRD is being deleted: nothing new is made of it. */
  readonly terminating: boolean;
  /** Aborts when the CRD changes or goes: watches end then, as upstream's do. */
  readonly gone: AbortSignal;
  /** Evaluates `x-kubernetes-validations`; undefined where there are none. */
  readonly checkRules: RuleCheck | undefined;
}

/** @param old undefined for what is new */
export type RuleCheck = (value: unknown, old: unknown) => readonly ErrorDetail[];

/** `spec.conversion.webhook` of a CRD. */
export interface ConversionWebhook {
  /** Of the CRD. */
  readonly name: string;
  readonly url: string | undefined;
  readonly service: ConversionService | undefined;
  /** PEM, base64; empty: the system's own authorities. */
  readonly caBundle: string;
  /** Versions of ConversionReview that it understands, best first. */
  readonly reviewVersions: readonly string[];
}

export interface ConversionService {
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  readonly port: number;
}
