import type { JsonObject } from './json.ts';
import { apiVersionOf, type Kind, type Subresource, type Verb } from './kind.ts';

/** References to components that operations take and give. */
export interface Bodies {
  readonly object: JsonObject;
  readonly list: JsonObject;
  readonly deleteOptions: JsonObject;
  readonly status: JsonObject;
  /** What a subresource takes; undefined where the document knows no schema (exec's options). */
  readonly subresource: (sub: Subresource) => JsonObject | undefined;
}

interface Shape {
  readonly action: string;
  readonly parameters?: readonly JsonObject[];
  /** What goes in, and as which media types. */
  readonly takes?: JsonObject | undefined;
  readonly types?: readonly string[];
  readonly gives?: JsonObject | undefined;
}

const MEDIA = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const PATCHES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

const text = { type: 'string' };
const flag = { type: 'boolean' };
const count = { type: 'integer' };

const PATH_PARAMETERS = {
  name: { name: 'name', in: 'path', required: true, schema: text, description: 'The name of the object.' },
  namespace: { name: 'namespace', in: 'path', required: true, schema: text, description: 'The namespace.' },
} satisfies Record<string, JsonObject>;

const WRITE = [
  query('dryRun', text, 'With "All" nothing is written.'),
  query('fieldManager', text, 'Who makes the change.'),
  query('fieldValidation', text, 'What to do about unknown fields: Ignore, Warn or Strict.'),
];

const LIST = [
  query('allowWatchBookmarks', flag, 'Send bookmarks while watching.'),
  query('continue', text, 'The token of the page before.'),
  query('fieldSelector', text, 'Only objects whose fields match.'),
  query('labelSelector', text, 'Only objects whose labels match.'),
  query('limit', count, 'The most objects in one page.'),
  query('resourceVersion', text, 'The revision to read at or after.'),
  query('resourceVersionMatch', text, 'How to read resourceVersion: Exact or NotOlderThan.'),
  query('sendInitialEvents', flag, 'Begin the watch with what there is.'),
  query('timeoutSeconds', count, 'End the call after so many seconds.'),
  query('watch', flag, 'Send changes as they happen.'),
];

const DELETE = [
  query('dryRun', text, 'With "All" nothing is written.'),
  query('gracePeriodSeconds', count, 'Seconds until the object is removed.'),
  query('propagationPolicy', text, 'What happens to dependents: Orphan, Background or Foreground.'),
];

function query(name: string, schema: JsonObject, description: string): JsonObject {
  return { name, in: 'query', schema, description };
}

/** The path items of one kind. A custom kind takes no strategic merge patch. */
export function pathsOf(kind: Kind, bodies: Bodies, isCustom: boolean): Record<string, JsonObject> {
  const root = `/${kind.group === '' ? 'api' : 'apis'}/${apiVersionOf(kind)}`;
  const collection = `${root}${kind.namespaced ? '/namespaces/{namespace}' : ''}/${kind.resource}`;
  const types = isCustom ? PATCHES.filter((type) => !type.includes('strategic')) : PATCHES;
  const space = kind.namespaced ? [PATH_PARAMETERS.namespace] : [];
  const paths: Record<string, JsonObject> = {};
  const put = (path: string, operations: JsonObject, parameters: readonly JsonObject[]) => {
    if (Object.keys(operations).length > 0) paths[path] = { ...operations, parameters };
  };
  put(collection, collectionOperations(kind, bodies), space);
  if (kind.namespaced && kind.verbs.includes('list')) {
    put(
      `${root}/${kind.resource}`,
      { get: operation(kind, { action: 'list', parameters: LIST, gives: bodies.list }) },
      [],
    );
  }
  put(`${collection}/{name}`, itemOperations(kind, bodies, types), [PATH_PARAMETERS.name, ...space]);
  for (const sub of kind.subresources) {
    put(`${collection}/{name}/${sub.name}`, subresourceOperations(sub, bodies, types), [
      PATH_PARAMETERS.name,
      ...space,
    ]);
  }
  return paths;
}

function collectionOperations(kind: Kind, bodies: Bodies): JsonObject {
  const { object, list, deleteOptions, status } = bodies;
  return when(kind, kind.verbs, {
    list: ['get', { action: 'list', parameters: LIST, gives: list }],
    create: ['post', { action: 'post', parameters: WRITE, takes: object, gives: object }],
    deletecollection: [
      'delete',
      { action: 'deletecollection', parameters: [...LIST, ...DELETE], takes: deleteOptions, gives: status },
    ],
  });
}

function itemOperations(
  kind: Kind,
  { object, deleteOptions, status }: Bodies,
  types: readonly string[],
): JsonObject {
  return when(kind, kind.verbs, {
    get: ['get', { action: 'get', gives: object }],
    update: ['put', { action: 'put', parameters: WRITE, takes: object, gives: object }],
    patch: [
      'patch',
      {
        action: 'patch',
        parameters: [...WRITE, query('force', flag, 'Take fields over from others.')],
        takes: {},
        types,
        gives: object,
      },
    ],
    delete: ['delete', { action: 'delete', parameters: DELETE, takes: deleteOptions, gives: status }],
  });
}

function subresourceOperations(sub: Subresource, bodies: Bodies, types: readonly string[]): JsonObject {
  const body = bodies.subresource(sub);
  const connects = body === undefined;
  const action = (name: string) => (connects ? 'connect' : name);
  return when(sub, sub.verbs, {
    get: ['get', { action: action('get'), gives: body }],
    create: ['post', { action: action('post'), parameters: connects ? [] : WRITE, takes: body, gives: body }],
    update: ['put', { action: action('put'), parameters: connects ? [] : WRITE, takes: body, gives: body }],
    patch: [
      'patch',
      {
        action: action('patch'),
        parameters: connects ? [] : WRITE,
        takes: connects ? undefined : {},
        types,
        gives: body,
      },
    ],
    delete: ['delete', { action: action('delete'), gives: body }],
  });
}

type Gvk = Pick<Kind, 'group' | 'version' | 'kind'>;
type Operations = Partial<Record<Verb, readonly [method: string, shape: Shape]>>;

function when(gvk: Gvk, verbs: readonly Verb[], operations: Operations): JsonObject {
  const served = verbs.flatMap((verb) => {
    const found = operations[verb];
    return found === undefined ? [] : [[found[0], operation(gvk, found[1])] as const];
  });
  return Object.fromEntries(served);
}

function operation(
  { group, version, kind }: Gvk,
  { action, parameters = [], takes, types = MEDIA, gives }: Shape,
): JsonObject {
  return {
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(takes === undefined ? {} : { requestBody: { content: content(types, takes) } }),
    responses: {
      200: { description: 'OK', ...(gives === undefined ? {} : { content: content(MEDIA, gives) }) },
    },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  };
}

function content(types: readonly string[], schema: JsonObject): JsonObject {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}
