import type { Admission } from '../access/admission/admission.ts';
import type { LiveView } from '../access/live.ts';
import { type ApiObject, type Kind, type KindTable, qualifiedResource } from '../api/kind.ts';
import { validateSchema } from '../api/validate-schema.ts';
import type { Clock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import type { Store } from '../store/store.ts';
import { admitBody } from './admit.ts';
import { convert } from './conversion.ts';
import { type CreateRequest, create } from './create.ts';
import { createPartsOf } from './custom/parts.ts';
import { remove } from './delete.ts';
import { removeCollection } from './delete-collection.ts';
import { evict } from './eviction.ts';
import { throwIfInvalid } from './faults.ts';
import { finalize } from './finalize.ts';
import { get } from './get.ts';
import { list } from './list.ts';
import { SharedBytes } from './object-bytes.ts';
import type { RegistryHooks, RegistryParts } from './parts.ts';
import { patch } from './patch.ts';
import { bind, issueToken, plain } from './pod-binding.ts';
import { createReader } from './reader.ts';
import type { CreateTarget, ObjectBytes, Registry, RequestContext } from './registry.ts';
import { writeScale } from './scale.ts';
import { allStrategies } from './strategies/all.ts';
import { update } from './update.ts';
import { conformBody } from './walks.ts';
import { watch } from './watch.ts';

export interface RegistryOptions {
  readonly store: Store;
  readonly kinds: KindTable;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly hooks?: RegistryHooks;
  /** Left out: admission reads the store for everything. */
  readonly live?: LiveView;
}

/** REST verbs over every kind of the table. */
export function createRegistry(options: RegistryOptions): Registry {
  const { store, kinds } = options;
  const shared = new SharedBytes();
  const parts: RegistryParts = {
    ...options,
    hooks: options.hooks ?? {},
    strategies: new Map(allStrategies().map((strategy) => [strategy.resource, strategy])),
    shared,
    reader: createReader(store, { shared, live: options.live }),
    convert: async (object, to) => convert(object, to),
  };
  const partsOf = createPartsOf(parts);
  /** Whoever uses an old version of a custom kind is told so. */
  const enter = (context: RequestContext, kind: Kind): RegistryParts => {
    if (kind.custom?.deprecation !== undefined) context.warn(kind.custom.deprecation);
    return partsOf(kind);
  };
  return {
    kinds,
    get: (context, target, query) => get(enter(context, target.kind), { context, target, options: query }),
    list: (context, target, query) => list(enter(context, target.kind), { context, target, options: query }),
    watch: (context, target, query) =>
      watch(enter(context, target.kind), { context, target, options: query }),
    create: async (context, target, body) => {
      const make = () => conformBody(kinds, target, { object: body, context });
      return await createAny(enter(context, target.kind), { context, target, make });
    },
    update: async (context, target, body) => {
      const make = () => conformBody(kinds, target, { object: body, context });
      if (target.subresource === 'finalize')
        return await finalize(enter(context, target.kind), { context, target, object: make() });
      if (target.subresource !== 'scale')
        return await update(enter(context, target.kind), { context, target, make });
      return {
        object: await writeScale(enter(context, target.kind), { context, target, make }),
        created: false,
      };
    },
    patch: (context, target, change) =>
      patch(enter(context, target.kind), { context, target, patch: change }),
    delete: (context, target, query) =>
      remove(enter(context, target.kind), { context, target, options: query }),
    admit: (context, target, { operation, object }) =>
      admitBody(partsOf(target.kind), context, { operation, target, body: object }),
    deleteCollection: (context, target, query, deletion) =>
      removeCollection(enter(context, target.kind), {
        context,
        target,
        list: query,
        options: deletion,
      }),
  };
}

async function createAny(parts: RegistryParts, request: CreateRequest): Promise<ObjectBytes> {
  const { context, target, make } = request;
  const { name, subresource } = target;
  const review = parts.hooks.review?.[qualifiedResource(target.kind)];
  const isBinding = target.kind.kind === 'Binding';
  if (review === undefined && !isBinding && subresource === undefined) return await create(parts, request);
  const object = make();
  if (review !== undefined) {
    throwIfInvalid(target.kind, object.metadata.name ?? '', validateSchema(target.kind.schema, object));
    return plain(await review(object, target, context));
  }
  if (isBinding) return await bindByCollection(parts, { context, target, object });
  if (name !== undefined) {
    const named = { context, object, target: { ...target, name } };
    if (subresource === 'binding') return await bind(parts, named);
    if (subresource === 'eviction') return await evict(parts, named);
    if (subresource === 'token') return await issueToken(parts, named);
  }
  throw new AmphoraError(
    'MethodNotAllowed',
    `${qualifiedResource(target.kind)}/${subresource} cannot be created`,
  );
}

/** `POST /namespaces/x/bindings`: the pod's name is the binding's. */
async function bindByCollection(
  parts: RegistryParts,
  request: { readonly context: RequestContext; readonly target: CreateTarget; readonly object: ApiObject },
): Promise<ObjectBytes> {
  const pods = parts.kinds.find('', 'v1', 'pods');
  const name = request.object.metadata.name;
  if (pods === undefined) throw new AmphoraError('NotFound', 'this server has no pods to bind');
  return await bind(parts, { ...request, target: { ...request.target, kind: pods, name } });
}
