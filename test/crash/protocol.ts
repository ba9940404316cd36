import { createHash } from 'node:crypto';
import type { StoreKey } from '../../src/store/store.ts';

/** What all writers write to. */
export const RESOURCE = 'crashes';
/** The namespace of the objects that are there before the first writer starts. */
export const BASE = 'base';
/** So many that a compaction takes several transactions. */
export const BASE_OBJECTS = 1200;
/** How many of them share a revision. */
export const BASE_COMMIT = 100;

/** `careful` is the store as it is; the others acknowledge what need not be on the disk, to show that this test sees it. */
export type Mode = 'careful' | 'careless';
export const MODES: readonly Mode[] = ['careful', 'careless'];

/** One line of JSON each, from the guest. */
export type Line =
  | { readonly kind: 'ready'; readonly revision: number }
  | { readonly kind: 'acknowledged'; readonly revision: number; readonly commit: WrittenCommit }
  | { readonly kind: 'compacting' | 'compacted'; readonly revision: number }
  | { readonly kind: 'failed'; readonly message: string };

/** To the guest, when it goes on from the saved state. */
export interface Order {
  readonly mode: Mode;
  readonly seed: number;
  readonly writers: number;
  /** After how many acknowledgements the history is compacted. */
  readonly compactAfter: number;
}

/** What one writer did at once; it does the next only when this is acknowledged. */
export interface WrittenCommit {
  readonly writer: string;
  /** Counts this writer's commits from 1. */
  readonly sequence: number;
  readonly changes: readonly WrittenChange[];
}

export interface WrittenChange {
  readonly name: string;
  /** SHA-256 of the bytes; left out: deleted. */
  readonly hash?: string;
}

/** Where a value comes from; it stands at its beginning. */
export interface Origin {
  readonly writer: string;
  readonly sequence: number;
  /** How many of the commit's changes there are in all. */
  readonly of: number;
}

export function keyOf(namespace: string, name: string): StoreKey {
  return { resource: RESOURCE, namespace, name };
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}

/** Bytes that tell where they come from and whether they are whole. */
export function makeValue(origin: Origin, fillBytes: number): Buffer {
  const head = JSON.stringify(origin);
  const fill = Buffer.alloc(fillBytes, `${head};`);
  return Buffer.concat([Buffer.from(`${head}\n${fillBytes}\n${hashOf(fill)}\n`), fill]);
}

/** Undefined unless the bytes are whole. */
export function readValue(bytes: Buffer): Origin | undefined {
  const text = bytes.toString('latin1');
  const match = /^(\{[^\n]*\})\n(\d+)\n([^\n]+)\n/.exec(text);
  if (match?.[1] === undefined) return undefined;
  const fill = bytes.subarray(match[0].length);
  if (fill.length !== Number(match[2]) || hashOf(fill) !== match[3]) return undefined;
  // Its hash has just shown that `makeValue` wrote it.
  return JSON.parse(match[1]) as Origin;
}
