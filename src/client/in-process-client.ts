import { randomUUID } from 'node:crypto';
import type { Authorizer } from '../access/authz/authorizer.ts';
import type { User } from '../access/user.ts';
import { type ApiObject, type Kind, qualifiedResource } from '../api/kind.ts';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { DeleteOptions, ObjectBytes, Patch, Registry, RequestContext } from '../registry/registry.ts';
import type {
  CallOptions,
  Client,
  ClientPatch,
  ClientWatchEvent,
  CollectionReference,
  List,
  ListQuery,
  ObjectReference,
  WatchQuery,
  WriteOptions,
} from './client.ts';

export interface InProcessOptions {
  readonly registry: Registry;
  readonly authorizer: Authorizer;
  readonly user: User;
}

type Reference = CollectionReference & { readonly name?: string; readonly subresource?: string };

/**
 * The API without sockets and byte decoding: authorization, admission and the registry are not skipped. Objects
 * it returns are frozen and shared; a failed authorization is Forbidden as over HTTP.
 */
export function createInProcessClient(options: InProcessOptions): Client {
  return new InProcessClient(options);
}

class InProcessClient implements Client {
  readonly #registry: Registry;
  readonly #authorizer: Authorizer;
  readonly #user: User;

  constructor(options: InProcessOptions) {
    this.#registry = options.registry;
    this.#authorizer = options.authorizer;
    this.#user = options.user;
  }

  async get<T = ApiObject>(reference: ObjectReference, options: CallOptions = {}): Promise<T> {
    const { context, target } = await this.#enter('get', reference, options);
    const found = await this.#registry.get(context, { ...target, name: reference.name }, {});
    return decoded<T>(found, options);
  }

  async list<T = ApiObject>(
    collection: CollectionReference,
    query: ListQuery = {},
    options: CallOptions = {},
  ): Promise<List<T>> {
    const { context, target } = await this.#enter('list', collection, options);
    const found = await this.#registry.list(context, target, query);
    const { resourceVersion } = found;
    return {
      items: found.items.map((item) => decoded<T>(item, options)),
      metadata:
        found.continue === undefined ? { resourceVersion } : { resourceVersion, continue: found.continue },
    };
  }

  async *watch<T = ApiObject>(
    collection: CollectionReference,
    query: WatchQuery,
    options: CallOptions & { signal: AbortSignal },
  ): AsyncGenerator<ClientWatchEvent<T>> {
    const { context, target } = await this.#enter('watch', collection, options);
    const events = this.#registry.watch(context, target, {
      ...query,
      allowWatchBookmarks: true,
    });
    for await (const event of events) {
      if (event.type === 'BOOKMARK') yield { type: 'BOOKMARK', resourceVersion: String(event.revision) };
      else yield { type: event.type, object: decoded<T>(event.object, options) };
    }
  }

  async create<T = ApiObject>(collection: Reference, object: object, options: WriteOptions = {}): Promise<T> {
    const { context, target } = await this.#enter('create', collection, options);
    // The registry decodes it by its schema, as it does every body.
    const body = object as ApiObject;
    return (await this.#registry.create(context, target, body)).object() as T; // As in decoded().
  }

  async update<T = ApiObject>(
    reference: ObjectReference,
    object: object,
    options: WriteOptions = {},
  ): Promise<T> {
    const { context, target } = await this.#enter('update', reference, options);
    const named = { ...target, name: reference.name };
    const mayCreate = async () => void (await this.#enter('create', reference, options));
    const written = await this.#registry.update({ ...context, mayCreate }, named, object as ApiObject); // As in create().
    return written.object.object() as T; // As in decoded().
  }

  async patch<T = ApiObject>(
    reference: ObjectReference,
    patch: ClientPatch,
    options: WriteOptions = {},
  ): Promise<T> {
    const { context, target } = await this.#enter('patch', reference, options);
    const change = registryPatch(patch, options.force === true);
    const written = await this.#registry.patch(context, { ...target, name: reference.name }, change);
    return written.object.object() as T; // As in decoded().
  }

  async delete<T = ApiObject>(
    reference: ObjectReference,
    body: object = {},
    options: WriteOptions = {},
  ): Promise<T> {
    const { context, target } = await this.#enter('delete', reference, options);
    const deletion = body as DeleteOptions; // The same fields by the same names.
    const deleted = await this.#registry.delete(context, { ...target, name: reference.name }, deletion);
    return deleted.object.object() as T; // As in decoded().
  }

  async close(): Promise<void> {}

  async #enter(verb: string, reference: Reference, options: WriteOptions) {
    const kind = this.#kind(reference);
    const { namespace = '', name, subresource } = reference;
    const signal = options.signal ?? AbortSignal.timeout(LIMITS.requestMs);
    const attributes = {
      kind: 'resource',
      verb,
      group: kind.group,
      version: kind.version,
      resource: kind.resource,
      subresource: subresource ?? '',
      namespace,
      name: name ?? '',
    } as const;
    const { allowed, reason } = await this.#authorizer.authorize(this.#user, attributes, signal);
    if (!allowed) throw forbidden(this.#user, kind, { verb, name: name ?? '', reason });
    const context: RequestContext = {
      user: this.#user,
      signal,
      requestId: randomUUID(),
      dryRun: options.dryRun === true,
      fieldManager: options.fieldManager ?? this.#user.name,
      fieldValidation: 'Strict',
      warn: () => {}, // Components have nobody to show warnings to.
    };
    const target = {
      kind,
      namespace,
      ...(name === undefined ? {} : { name }),
      ...(subresource === undefined ? {} : { subresource }),
    };
    return { context, target };
  }

  #kind(reference: CollectionReference): Kind {
    const { apiVersion, resource } = reference;
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
    const kind = this.#registry.kinds.find(group ?? '', version ?? '', resource);
    if (kind === undefined)
      throw new AmphoraError('NotFound', `the server has no resource ${resource} in ${apiVersion}`);
    return kind;
  }
}

function decoded<T>(bytes: ObjectBytes, { metadataOnly }: CallOptions): T {
  // The caller named the type of what it asked for.
  return (metadataOnly === true ? { metadata: bytes.metadata() } : bytes.object()) as T;
}

function registryPatch(patch: ClientPatch, force: boolean): Patch {
  if (patch.type === 'json') {
    if (!Array.isArray(patch.body))
      throw new AmphoraError('BadRequest', 'a JSON patch is a list of operations');
    return { type: 'json', operations: patch.body };
  }
  if (typeof patch.body !== 'object' || patch.body === null)
    throw new AmphoraError('BadRequest', `a ${patch.type} patch is an object`);
  const value = patch.body as Readonly<Record<string, unknown>>; // Just seen to be an object.
  return patch.type === 'apply' ? { type: 'apply', value, force } : { type: patch.type, value };
}

function forbidden(
  user: User,
  kind: Kind,
  asked: { readonly verb: string; readonly name: string; readonly reason: string },
): AmphoraError {
  const what = qualifiedResource(kind);
  const message = `${what} ${JSON.stringify(asked.name)} is forbidden: User ${JSON.stringify(user.name)} cannot ${asked.verb} resource ${JSON.stringify(kind.resource)}: ${asked.reason}`;
  return new AmphoraError('Forbidden', message, {
    about: { group: kind.group, kind: kind.resource, name: asked.name },
  });
}
