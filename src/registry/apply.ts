import { isJsonObject, type JsonObject } from '../api/json.ts';
import { type ApiObject, apiVersionOf, type Kind } from '../api/kind.ts';
import { applyConfig, beforeFirstApply } from '../api/managed-fields/apply-config.ts';
import { checkConfig } from '../api/managed-fields/check-config.ts';
import { type Entry, storedEntries, type Writer } from '../api/managed-fields/entry.ts';
import type { Schema } from '../api/schema.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { create } from './create.ts';
import { conflict } from './faults.ts';
import { fieldsLastApplied, withLastApplied } from './last-applied.ts';
import { currentEntries, setEntries, versionsOf, writerOf } from './ownership.ts';
import type { RegistryParts, StoredKind } from './parts.ts';
import type { ObjectBytes, Patch, RequestContext, ResourceTarget, Written } from './registry.ts';
import { storedKind } from './storage.ts';
import { conformPatched } from './walks.ts';
import { type WriteRequest, write } from './write.ts';

export interface ApplyRequest {
  readonly context: RequestContext;
  readonly target: ResourceTarget;
  readonly patch: Extract<Patch, { type: 'apply' }>;
}

/** Server-side apply of an object or a part of it; what is missing is created. */
export async function apply(parts: RegistryParts, request: ApplyRequest): Promise<Written> {
  const config = configOf(request);
  for (let attempt = 1; ; attempt++) {
    try {
      return { object: await applyConfigured(parts, request, config), created: false };
    } catch (error) {
      if (!isCode(error, 'NotFound') || request.target.subresource !== undefined) throw error;
    }
    try {
      return { object: await createApplied(parts, request, config), created: true };
    } catch (error) {
      // Somebody else created it in between.
      if (!isCode(error, 'AlreadyExists') || attempt >= LIMITS.conflictRetries) throw error;
    }
  }
}

/** Applies a configuration to what is there. @throws NotFound */
export async function applyConfigured(
  parts: RegistryParts,
  request: ApplyRequest & Pick<WriteRequest, 'prepare' | 'admitted'>,
  config: Readonly<ApiObject>,
): Promise<ObjectBytes> {
  const { context, target, prepare, admitted } = request;
  const kind = storedKind(parts, target.kind);
  return await write(parts, {
    context,
    target,
    make: (current) => applied(parts, kind, { request, config, current }),
    ownership: 'made',
    ...(prepare === undefined ? {} : { prepare }),
    ...(admitted === undefined ? {} : { admitted }),
  });
}

async function createApplied(
  parts: RegistryParts,
  request: ApplyRequest,
  config: Readonly<ApiObject>,
): Promise<ObjectBytes> {
  const { context, target } = request;
  const kind = storedKind(parts, target.kind);
  await request.patch.mayCreate?.();
  checkCreatable(request, config);
  // Its name comes with the configuration.
  const current = { apiVersion: config.apiVersion, kind: config.kind, metadata: {} } as ApiObject;
  const make = () => applied(parts, kind, { request, config, current });
  return await create(parts, { context, target, make, ownership: 'made' });
}

interface Application {
  readonly request: ApplyRequest;
  readonly config: Readonly<ApiObject>;
  readonly current: Readonly<ApiObject>;
}

/** The current object with the configuration applied, decoded, and with its owners. */
function applied(
  parts: RegistryParts,
  kind: StoredKind,
  { request, config, current }: Application,
): ApiObject {
  const { context, target, patch } = request;
  const { schema } = target.kind;
  const writer = writerOf(parts, target.kind, { ...target, context, operation: 'Apply' });
  const { managedFields: _owners, ...metadata } = current.metadata;
  const live = { ...current, metadata };
  const versionOf = versionsOf(parts, kind);
  const result = applyConfig({
    schema,
    live,
    config,
    entries: currentEntries(kind, entriesOf(request, { current, live, writer }), versionOf),
    writer,
    versionOf,
    force: patch.force ? true : () => fieldsLastApplied(target.kind, live, writer.manager),
  });
  // A configuration without metadata, of what is not there yet.
  const whole = { ...result.object, metadata: result.object.metadata ?? {} } as ApiObject;
  const merged =
    target.subresource === undefined
      ? withLastApplied(whole, { config: patch.value, manager: writer.manager })
      : whole;
  const object = conformPatched(target.kind, merged, { context });
  setEntries(object, result.entries);
  return object;
}

/** An object that somebody made before owners were kept: all it has gets one. */
function entriesOf(
  { target }: ApplyRequest,
  from: {
    readonly current: Readonly<ApiObject>;
    readonly live: Readonly<ApiObject>;
    readonly writer: Writer;
  },
): readonly Entry[] {
  const entries = storedEntries(from.current);
  if (entries.length > 0 || from.current.metadata.uid === undefined) return entries;
  return beforeFirstApply(target.kind.schema, from.live, from.writer);
}

/**
 * The configuration, checked, without what cannot be written here: the status is its subresource's, and that writes
 * nothing else. @throws BadRequest
 */
function configOf({ target, patch }: ApplyRequest): ApiObject {
  const { kind, subresource } = target;
  const config = checkedConfig(kind, target, { value: patch.value, schema: kind.schema });
  if (subresource === 'status') return onlyStatus(config);
  const isApart = subresource === undefined && kind.subresources.some(({ name }) => name === 'status');
  if (isApart) delete config.status;
  return config;
}

/** A configuration of a kind, with metadata. @throws BadRequest when it is of another, or does not fit its schema. */
export function checkedConfig(
  kind: Pick<Kind, 'group' | 'version' | 'kind'>,
  target: ResourceTarget,
  { value, schema }: { readonly value: Readonly<JsonObject>; readonly schema: Schema },
): ApiObject {
  if (value.kind !== kind.kind || value.apiVersion !== apiVersionOf(kind))
    throw new AmphoraError(
      'BadRequest',
      `invalid object type: ${String(value.apiVersion ?? '')}, Kind=${String(value.kind ?? '')}`,
    );
  const metadata = isJsonObject(value.metadata) ? value.metadata : {};
  if (metadata.managedFields !== undefined && metadata.managedFields !== null)
    throw new AmphoraError('BadRequest', 'metadata.managedFields must be nil');
  const wrong = checkConfig(schema, value);
  if (wrong.length === 0) return { ...value, metadata } as unknown as ApiObject; // It fits the schema.
  const all = wrong.length === 1 ? wrong[0] : `errors:\n${wrong.map((each) => `  ${each}`).join('\n')}`;
  const place = `${target.namespace}/${target.name}; ${apiVersionOf(kind)}, Kind=${kind.kind}`;
  throw new AmphoraError('BadRequest', `failed to create typed patch object (${place}): ${all}`);
}

function onlyStatus({ apiVersion, kind, metadata, status }: ApiObject): ApiObject {
  const { labels: _labels, ownerReferences: _owners, finalizers: _finalizers, ...rest } = metadata;
  return { apiVersion, kind, metadata: rest, ...(status === undefined ? {} : { status }) };
}

/** What is not there has no uid and no revision that could be meant. */
function checkCreatable({ target }: ApplyRequest, { metadata }: Readonly<ApiObject>): void {
  const { uid = '', resourceVersion = '' } = metadata;
  const { kind, name } = target;
  if (uid !== '')
    throw conflict(
      kind,
      name,
      `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    );
  if (resourceVersion !== '' && resourceVersion !== '0')
    throw conflict(
      kind,
      name,
      `the provided object specified resourceVersion ${resourceVersion}, and no existing object was found`,
    );
  if ((metadata.name ?? '') === '')
    throw new AmphoraError(
      'BadRequest',
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
}
