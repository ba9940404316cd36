import { equalJson } from '../api/json.ts';
import { type ApiObject, apiVersionOf, type Kind } from '../api/kind.ts';
import { compare } from '../api/managed-fields/compare.ts';
import {
  type Entry,
  inOrder,
  isReset,
  parseEntries,
  storedEntries,
  type Writer,
} from '../api/managed-fields/entry.ts';
import { differencesOf, type VersionOf } from '../api/managed-fields/kind-versions.ts';
import { ownUpdate } from '../api/managed-fields/own-update.ts';
import { reconcile } from '../api/managed-fields/reconcile.ts';
import { toTime } from '../lib/clock.ts';
import { convert } from './conversion.ts';
import type { RegistryParts, StoredKind } from './parts.ts';
import type { RequestContext } from './registry.ts';

interface Tracked {
  readonly context: RequestContext;
  readonly object: ApiObject;
}

/** Says in a new object, in the stored version, who owns its fields: whoever creates it, all of them. */
export function ownCreated(parts: RegistryParts, kind: StoredKind, { context, object }: Tracked): void {
  const { managedFields: given } = object.metadata;
  delete object.metadata.managedFields;
  const asked = inAsked(kind, object);
  const difference = compare(kind.asked.schema, {}, asked);
  const entries = given === undefined ? [] : (parseEntries(given) ?? []);
  const writer = writerOf(parts, kind.asked, { context, operation: 'Update' });
  setEntries(
    object,
    ownUpdate(entries, () => difference, writer),
  );
}

/** Says in a changed object, in the stored version and ready to be admitted, who owns its fields now. */
export function ownUpdated(
  parts: RegistryParts,
  kind: StoredKind,
  change: Tracked & { readonly old: Readonly<ApiObject>; readonly subresource: string },
): void {
  const { context, object, old, subresource } = change;
  const { managedFields: given } = object.metadata;
  const before = storedEntries(old);
  const versionOf = versionsOf(parts, kind);
  const entries = currentEntries(kind, subresource === '' ? givenOr(given, before) : before, versionOf);
  setEntries(object, before); // So that it is no difference.
  if (entries.length === 0) {
    setEntries(object, entries); // Whom nobody tracked nobody tracks.
    return;
  }
  const writer = writerOf(parts, kind.asked, { context, operation: 'Update', subresource });
  const differenceIn = differencesOf(
    {
      schema: kind.asked.schema,
      live: inAsked(kind, old),
      writer,
      versionOf,
    },
    inAsked(kind, object),
  );
  setEntries(object, ownUpdate(entries, differenceIn, writer));
}

/** Entries in terms of the kind as it is now: the schema of a custom kind may have changed. */
export function currentEntries(
  kind: StoredKind,
  entries: readonly Entry[],
  versionOf: VersionOf,
): readonly Entry[] {
  return kind.asked.custom === undefined ? entries : reconcile(entries, versionOf);
}

/** What a client says of owners counts when it is right; who sends none, or what is wrong, changes nothing. */
function givenOr(given: unknown, before: readonly Entry[]): readonly Entry[] {
  if (given === undefined || given === before || equalJson(given, before)) return before;
  if (isReset(given)) return [];
  const parsed = parseEntries(given) ?? [];
  return parsed.length === 0 ? before : inOrder(parsed);
}

export function setEntries(object: ApiObject, entries: readonly Entry[]): void {
  if (entries.length === 0) delete object.metadata.managedFields;
  else object.metadata.managedFields = entries as unknown[]; // Never changed in place.
}

export function writerOf(
  parts: RegistryParts,
  asked: Kind,
  write: {
    readonly context: RequestContext;
    readonly operation: Writer['operation'];
    readonly subresource?: string;
  },
): Writer {
  return {
    manager: write.context.fieldManager,
    operation: write.operation,
    apiVersion: apiVersionOf(asked),
    subresource: write.subresource ?? '',
    now: toTime(parts.clock.now()),
  };
}

/** The kind in each version that is served now. */
export function versionsOf(parts: RegistryParts, kind: StoredKind): VersionOf {
  return (apiVersion) => {
    const version = parts.kinds.byKind(apiVersion, kind.asked.kind);
    if (version === undefined) return undefined;
    return { schema: version.schema, convert: (object) => convert(object, version) };
  };
}

function inAsked(kind: StoredKind, object: Readonly<ApiObject>): Readonly<ApiObject> {
  return kind.asked === kind.stored ? object : convert(object, kind.asked);
}
