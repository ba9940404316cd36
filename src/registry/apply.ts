import { cloneJson } from '../api/json.ts';
import { type ApiObject, apiVersionOf } from '../api/kind.ts';
import { toTime } from '../lib/clock.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { applyConflicts, withoutFields } from './apply-conflicts.ts';
import { mergeApplied } from './apply-merge.ts';
import { removeUnapplied } from './apply-remove.ts';
import { create } from './create.ts';
import { fieldSet } from './field-set.ts';
import type { RegistryParts } from './parts.ts';
import type { Patch, RequestContext, ResourceTarget, Written } from './registry.ts';
import { conformPatched } from './walks.ts';
import { write } from './write.ts';

interface Entry {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly fieldsV1?: unknown;
}

/**
 * Server-side apply: creates what is missing, else merges by list type, takes away what this manager applied
 * before and no more, and records what it applies now. Ownership is kept for managers that apply; what others
 * write by update or patch is not recorded yet, so such writes neither conflict nor lose ownership.
 */
export async function apply(
  parts: RegistryParts,
  request: {
    readonly context: RequestContext;
    readonly target: ResourceTarget;
    readonly patch: Extract<Patch, { type: 'apply' }>;
  },
): Promise<Written> {
  const { context, target } = request;
  if (context.fieldManager === '')
    throw new AmphoraError('BadRequest', 'fieldManager: Required value: is required for apply patch');
  const applied = conformPatched(target.kind, cloneJson(request.patch.value), context);
  if (applied.metadata.managedFields !== undefined)
    throw new AmphoraError('BadRequest', 'metadata.managedFields must be nil');
  const make = (current: ApiObject) => {
    const before = entriesOf(current);
    const own = before.find((entry) => isOwn(entry, request));
    const others = settle(request, {
      current,
      applied,
      entries: before.filter((entry) => !isOwn(entry, request)),
    });
    const kept = removeUnapplied(target.kind.schema, current, {
      applied,
      own: own?.fieldsV1,
      others: others.map((entry) => entry.fieldsV1),
    });
    const merged = mergeApplied(target.kind.schema, kept, applied) as ApiObject; // Both are of this kind.
    merged.metadata.managedFields = [...others, managed(parts, request, applied)];
    return merged;
  };
  try {
    return { object: await write(parts, { context, target, make }), created: false };
  } catch (error) {
    if (!isCode(error, 'NotFound') || target.subresource !== undefined) throw error;
    const metadata = { ...applied.metadata, managedFields: [managed(parts, request, applied)] };
    const created = await create(parts, { context, target, object: { ...applied, metadata } });
    return { object: created, created: true };
  }
}

/**
 * The other managers' entries, without what a forced apply takes over.
 * @throws Conflict when fields that another manager applied would get other values and force is not set.
 */
function settle(
  request: ApplyRequest & { readonly patch: { readonly force: boolean } },
  change: { readonly current: ApiObject; readonly applied: ApiObject; readonly entries: readonly Entry[] },
): Entry[] {
  const { kind, name } = request.target;
  const { current, applied, entries } = change;
  const found = entries.map((entry) => ({
    entry,
    fields: applyConflicts(kind.schema, { live: current, applied, owned: entry.fieldsV1 }),
  }));
  const details = found.flatMap(({ entry, fields }) =>
    fields.map(({ path }) => ({
      reason: 'FieldManagerConflict',
      field: path,
      message: `conflict with ${JSON.stringify(entry.manager)}`,
    })),
  );
  if (details.length > 0 && !request.patch.force) {
    const count = details.length === 1 ? '1 conflict' : `${details.length} conflicts`;
    const lines = details.map((detail) => `${detail.message}: ${detail.field}`).join(', ');
    throw new AmphoraError('Conflict', `Apply failed with ${count}: ${lines}`, {
      about: { group: kind.group, kind: kind.resource, name },
      details,
    });
  }
  return found.map(({ entry, fields }) => ({ ...entry, fieldsV1: withoutFields(entry.fieldsV1, fields) }));
}

type ApplyRequest = { readonly context: RequestContext; readonly target: ResourceTarget };

function isOwn(entry: Entry, { context, target }: ApplyRequest): boolean {
  return (
    entry.operation === 'Apply' &&
    entry.manager === context.fieldManager &&
    (entry.subresource ?? '') === (target.subresource ?? '')
  );
}

function entriesOf(object: Readonly<ApiObject>): readonly Entry[] {
  return (object.metadata.managedFields ?? []) as Entry[]; // ManagedFieldsEntry, as the schema has it.
}

function managed(
  parts: RegistryParts,
  { context, target }: ApplyRequest,
  applied: Readonly<ApiObject>,
): object {
  return {
    manager: context.fieldManager,
    operation: 'Apply',
    apiVersion: apiVersionOf(target.kind),
    time: toTime(parts.clock.now()),
    fieldsType: 'FieldsV1',
    fieldsV1: fieldSet(target.kind.schema, withoutIdentity(applied)),
    ...(target.subresource === undefined ? {} : { subresource: target.subresource }),
  };
}

/** Nobody owns what names the object. */
function withoutIdentity(object: Readonly<ApiObject>): object {
  const { kind: _kind, apiVersion: _apiVersion, metadata, ...rest } = object;
  const { name: _name, namespace: _namespace, uid: _uid, resourceVersion: _version, ...others } = metadata;
  return Object.keys(others).length === 0 ? rest : { metadata: others, ...rest };
}
