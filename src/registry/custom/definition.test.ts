import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiObject } from '../../api/kind.ts';
import { customResourceDefinitions as strategy } from '../strategies/custom-resource-definitions.ts';
import { kindOf } from '../testing/bench.ts';
import { definitionFaults } from './definition.ts';

const kind = kindOf('apiextensions.k8s.io', 'v1', 'customresourcedefinitions');
const text = { type: 'string' };
const AT = 'spec.validation.openAPIV3Schema';

function schemaOf(properties: object, more: object = {}) {
  return { type: 'object', properties, ...more };
}

function version(openAPIV3Schema: unknown, more: object = {}) {
  return { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema }, ...more };
}

function crd(spec: object, metadata: object = {}): ApiObject {
  const made = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'foos.example.com', ...metadata },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'Foo', plural: 'foos' },
      versions: [version(schemaOf({}))],
      ...spec,
    },
  };
  strategy.defaults?.(made);
  strategy.prepareCreate?.(made);
  return made;
}

function lines(object: ApiObject, old?: ApiObject, subresource = ''): string[] {
  const change = old === undefined ? undefined : { old, subresource };
  return definitionFaults(object, { kind, asked: kind, change }).map(
    ({ field, message }) => `${field}: ${message}`,
  );
}

function withSchema(properties: object, more: object = {}) {
  return crd({ versions: [version(schemaOf(properties, more))] });
}

const STRUCTURE: readonly [properties: object, ...expected: string[]][] = [
  [{ a: {} }, `${AT}.properties[a].type: Required value: must not be empty for specified object fields`],
  [{ a: { type: 'array' } }, `${AT}.properties[a].items: Required value: must be specified`],
  [
    { a: { type: 'array', items: {} } },
    `${AT}.properties[a].items.type: Required value: must not be empty for specified array items`,
  ],
  [{ a: { 'x-kubernetes-int-or-string': true } }],
  [{ a: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] } }],
  [{ a: { 'x-kubernetes-preserve-unknown-fields': true } }],
  [
    { a: { type: 'integer', anyOf: [{ type: 'integer' }, { minimum: 1 }] } },
    `${AT}.properties[a].anyOf[0].type: Forbidden: must be empty to be structural`,
  ],
  [
    { a: { ...text, not: { default: 'x', description: 'y' } } },
    `${AT}.properties[a].not.default: Forbidden: must be undefined to be structural`,
    `${AT}.properties[a].not.description: Forbidden: must be empty to be structural`,
  ],
  [
    { metadata: { type: 'object', properties: { labels: { type: 'object' } } } },
    `${AT}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
  ],
  [{ metadata: { type: 'object', properties: { name: { ...text, maxLength: 5 } } } }],
  [{ kind: { type: 'integer' } }, `${AT}.properties[kind].type: Invalid value: "integer": must be string`],
  [
    { a: { type: 'object', 'x-kubernetes-embedded-resource': true } },
    `${AT}.properties[a].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields`,
  ],
  [
    { a: { ...text, format: 'x', type: 'text' } },
    `${AT}.properties[a].type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
  ],
  [
    { a: { type: 'object', properties: { b: text }, additionalProperties: text } },
    `${AT}.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
  ],
  [
    { a: { type: 'array', items: text, uniqueItems: true } },
    `${AT}.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
  ],
  [
    { a: { ...text, 'x-kubernetes-list-type': 'set' } },
    `${AT}.properties[a].type: Invalid value: "string": must be array if x-kubernetes-list-type is specified`,
  ],
  [
    { a: { ...text, 'x-kubernetes-map-type': 'atomic' } },
    `${AT}.properties[a].type: Invalid value: "string": must be object if x-kubernetes-map-type is specified`,
  ],
  [
    { a: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'object' } } },
    `${AT}.properties[a].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set`,
  ],
  [
    { a: { type: 'array', 'x-kubernetes-list-type': 'map', items: schemaOf({ k: text }) } },
    `${AT}.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
  ],
  [
    {
      a: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k', 'l'],
        items: schemaOf({ k: text }),
      },
    },
    `${AT}.properties[a].x-kubernetes-list-map-keys: Invalid value: ["k","l"]: entries must all be names of item properties`,
    `${AT}.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
  ],
  [
    { a: { ...text, 'x-kubernetes-preserve-unknown-fields': false } },
    `${AT}.properties[a].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined`,
  ],
  [
    { a: { ...text, default: 5 } },
    `${AT}.properties[a].default: Invalid value: "integer":  in body must be of type string: "integer"`,
  ],
  [
    { a: { type: 'object', properties: { b: text }, default: { c: 1 } } },
    `${AT}.properties[a].default: Invalid value: {"c":1}: must not have unknown fields`,
  ],
  [
    { a: { type: 'object', properties: { b: { ...text, maxLength: 1 } }, default: { b: 'cc' } } },
    `${AT}.properties[a].default.b: Too long: may not be more than 1 byte`,
  ],
  [
    { metadata: { type: 'object', default: {} } },
    `${AT}.properties[metadata].default: Forbidden: must not be set in top-level metadata`,
  ],
  [
    { a: { ...text, default: 'b', 'x-kubernetes-validations': [{ rule: "self == 'a'" }] } },
    `${AT}.properties[a].default: Invalid value: "b": failed rule: self == 'a'`,
  ],
  [
    { a: { ...text, 'x-kubernetes-validations': [{ rule: ' ' }] } },
    `${AT}.properties[a].x-kubernetes-validations[0].rule: Required value: rule is not specified`,
  ],
  [
    { a: { ...schemaOf({ b: text }), 'x-kubernetes-validations': [{ rule: 'true', fieldPath: '.c' }] } },
    `${AT}.properties[a].x-kubernetes-validations[0].fieldPath: Invalid value: ".c": must be a valid path`,
  ],
  [
    { a: { ...text, 'x-kubernetes-validations': [{ rule: 'true', reason: 'Why' }] } },
    `${AT}.properties[a].x-kubernetes-validations[0].reason: Unsupported value: "Why": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`,
  ],
];
for (const [properties, ...expected] of STRUCTURE)
  test(`a CRD with ${JSON.stringify(properties)}`, () =>
    assert.deepEqual(lines(withSchema(properties)), expected));

test('what the root says in anyOf must be said outside of it, too', () => {
  const anyOf = [{ properties: { a: { minimum: 1 }, b: { minimum: 1 } } }];
  assert.deepEqual(lines(withSchema({ a: { type: 'integer' } }, { anyOf })), [
    `${AT}.properties[b]: Required value: because it is defined in ${AT}.anyOf[0].properties[b]`,
  ]);
});

test('a pattern that is none is refused where it stands', () => {
  const [line = ''] = lines(withSchema({ a: { ...text, pattern: '(' } }));
  assert.match(
    line,
    /^spec\.validation\.openAPIV3Schema\.properties\[a\]\.pattern: Invalid value: "\(": must be a valid regular expression/,
  );
});

const HOOK = { clientConfig: { url: 'https://a.b/c' }, conversionReviewVersions: ['v1'] };

function hook(webhook: object) {
  return { conversion: { strategy: 'Webhook', webhook } };
}
const CONFIG = 'spec.conversion.webhookClientConfig';
const SPECS: readonly [what: string, spec: object, ...expected: string[]][] = [
  ['nothing wrong', {}],
  ['a conversion webhook', hook(HOOK)],
  [
    'another group',
    { group: 'com' },
    'metadata.name: Invalid value: "foos.example.com": must be spec.names.plural+"."+spec.group',
    'spec.group: Invalid value: "com": should be a domain with at least one dot',
  ],
  [
    'no kind',
    { names: { plural: 'foos', singular: 'foo' } },
    'spec.names.kind: Required value',
    'spec.names.listKind: Required value',
  ],
  [
    'kind and list of one name',
    { names: { kind: 'Foo', plural: 'foos', listKind: 'Foo' } },
    'spec.names.listKind: Invalid value: "Foo": kind and listKind may not be the same',
  ],
  [
    'no schema',
    { versions: [{ name: 'v1', served: true, storage: true }] },
    'spec.versions[0].schema.openAPIV3Schema: Required value',
  ],
  [
    'a version that stands twice',
    { versions: [version(schemaOf({})), version(schemaOf({}), { storage: false })] },
    'spec.versions: Invalid value: ["v1","v1"]: must contain unique version names',
  ],
  [
    'nothing stored',
    { versions: [version(schemaOf({}), { storage: false })] },
    'spec.versions: Invalid value: ["v1"]: must have exactly one version marked as storage version',
    'status.storedVersions: Invalid value: []: must have at least one stored version',
  ],
  [
    'unknown fields',
    { preserveUnknownFields: true },
    'spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
  ],
  [
    'a warning that is not deprecated',
    { versions: [version(schemaOf({}), { deprecationWarning: 'x' })] },
    'spec.versions[0].deprecationWarning: Invalid value: "x": can only be set for deprecated versions',
  ],
  [
    'a column without a path',
    {
      versions: [
        version(schemaOf({}), { additionalPrinterColumns: [{ name: 'a', type: 'text', jsonPath: 'x' }] }),
      ],
    },
    'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
    'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "x": must be a simple json path starting with .',
  ],
  [
    'a scale elsewhere',
    {
      versions: [
        version(schemaOf({}), {
          subresources: { scale: { specReplicasPath: '.x', statusReplicasPath: '.status.x' } },
        }),
      ],
    },
    'spec.subresources.scale.specReplicasPath: Invalid value: ".x": should be a json path under .spec',
  ],
  [
    'a webhook without a client',
    hook({ conversionReviewVersions: ['v1'] }),
    `${CONFIG}: Required value: required when strategy is set to Webhook`,
  ],
  [
    'a webhook nowhere',
    hook({ ...HOOK, clientConfig: {} }),
    `${CONFIG}: Required value: exactly one of url or service is required`,
  ],
  [
    'a webhook over http',
    hook({ ...HOOK, clientConfig: { url: 'http://a/' } }),
    `${CONFIG}.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`,
  ],
  [
    'a review nobody knows',
    hook({ ...HOOK, conversionReviewVersions: ['v9'] }),
    'spec.conversion.conversionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1',
  ],
  [
    'a webhook that is not asked',
    { conversion: { strategy: 'None', webhook: HOOK } },
    `${CONFIG}: Forbidden: should not be set when strategy is not set to Webhook`,
    'spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook',
  ],
];
for (const [what, spec, ...expected] of SPECS)
  test(`a CRD with ${what}`, () => assert.deepEqual(lines(crd(spec)), expected));

function selectable(...paths: string[]) {
  const spec = schemaOf({ color: text, list: { type: 'array', items: text }, size: { type: 'integer' } });
  const fields = Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`f${at}`, text]));
  const schema = schemaOf({ spec: { ...spec, properties: { ...spec.properties, ...fields } } });
  return crd({ versions: [version(schema, { selectableFields: paths.map((jsonPath) => ({ jsonPath })) })] });
}

test('selectable fields are scalars, stand once, and are eight at most', () => {
  assert.deepEqual(lines(selectable('.spec.color', '.spec.size')), []);
  assert.deepEqual(lines(selectable('.spec.none', '.spec.list', '.spec.color', '.spec.color', '.spec[0]')), [
    'spec.selectableFields[0].jsonPath: Invalid value: ".spec.none": is an invalid path: does not refer to a valid field',
    'spec.selectableFields[1].jsonPath: Invalid value: ".spec.list": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
    'spec.selectableFields[3].jsonPath: Duplicate value: ".spec.color"',
    'spec.selectableFields[4].jsonPath: Invalid value: ".spec[0]": is an invalid path: array notation is not allowed',
  ]);
  const nine = Array.from({ length: 9 }, (_, at) => `.spec.f${at}`);
  assert.deepEqual(lines(selectable(...nine)), [
    'spec.selectableFields: Too many: 9: must have at most 8 items',
  ]);
});

test('where versions differ, faults stand at the version', () => {
  const versions = [
    version(schemaOf({ a: text })),
    version(schemaOf({ a: {} }), { name: 'v2', storage: false }),
  ];
  assert.deepEqual(lines(crd({ versions })), [
    'spec.versions[1].schema.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields',
  ]);
});

test('groups of Kubernetes need an approval', () => {
  const spec = { group: 'x.k8s.io' };
  const name = 'foos.x.k8s.io';
  const field = 'metadata.annotations[api-approved.kubernetes.io]';
  const [line = ''] = lines(crd(spec, { name }));
  assert.ok(
    line.startsWith(`${field}: Required value: protected groups must have approval annotation`),
    line,
  );
  const annotations = { 'api-approved.kubernetes.io': 'unapproved, mine' };
  assert.deepEqual(lines(crd(spec, { name, annotations })), []);
  assert.deepEqual(lines(crd(spec, { name }), crd(spec, { name })), [], 'who had none goes on without');
});

test('a change keeps what objects depend on, and what was there before is not looked at again', () => {
  const old = crd({ versions: [version(schemaOf({ a: {} }))] });
  assert.deepEqual(lines(old, old), []);
  const more = crd({ versions: [version(schemaOf({ a: {} }), { deprecated: true })] });
  assert.deepEqual(lines(more, old), [], 'the schema is as it was');
  const established = {
    ...crd({}),
    status: { ...(crd({}).status as object), conditions: [{ type: 'Established', status: 'True' }] },
  };
  assert.deepEqual(lines(crd({ scope: 'Cluster', names: { kind: 'Bar', plural: 'foos' } }), established), [
    'spec.scope: Invalid value: "Cluster": field is immutable',
    'spec.names.kind: Invalid value: "Bar": field is immutable',
  ]);
  const gone = {
    ...crd({ versions: [version(schemaOf({}), { name: 'v2' })] }),
    status: { storedVersions: ['v1', 'v2'] },
  };
  assert.match(
    lines(gone, crd({}))[0] ?? '',
    /^status\.storedVersions\[0\]: Invalid value: "v1": missing from spec\.versions; v1 was/,
  );
  const dropped = { ...crd({}), status: { storedVersions: ['v0'] } };
  assert.deepEqual(lines(dropped, crd({}), 'status'), [
    'status.storedVersions: Invalid value: ["v0"]: must have the storage version v1',
  ]);
});
