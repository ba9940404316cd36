import type { ApiObject } from '../kind.ts';
import type { Schema } from '../schema.ts';
import { compare } from './compare.ts';
import type { DifferenceIn, VersionDifference } from './own-update.ts';

/** A kind in one of its versions; undefined for a version that is not served any more. */
export type VersionOf = (apiVersion: string) => KindVersion | undefined;

export interface KindVersion {
  readonly schema: Schema;
  /** From any version of the kind. */
  convert(object: Readonly<ApiObject>): ApiObject;
}

/** What `live` differs in from the next object, in each version somebody owns fields in; each is asked once. */
export function differencesOf(
  from: {
    readonly schema: Schema;
    readonly live: Readonly<ApiObject>;
    readonly writer: { readonly apiVersion: string };
    readonly versionOf: VersionOf;
  },
  next: Readonly<ApiObject>,
): DifferenceIn {
  const { schema, live, writer, versionOf } = from;
  const known = new Map<string, VersionDifference>();
  const find = (apiVersion: string): VersionDifference => {
    if (apiVersion === writer.apiVersion) return compare(schema, live, next);
    const version = versionOf(apiVersion);
    if (version === undefined) return 'not served';
    return compare(version.schema, version.convert(live), version.convert(next));
  };
  return (apiVersion) => {
    if (!known.has(apiVersion)) known.set(apiVersion, find(apiVersion));
    return known.get(apiVersion);
  };
}
