import { defaultFaults } from '../../api/custom/default-faults.ts';
import {
  duplicate,
  forbidden,
  invalid,
  invalidWhole,
  NO_FIELD,
  required,
  tooMany,
} from '../../api/custom/faults.ts';
import { followFieldPath } from '../../api/custom/field-path.ts';
import { type Node, readNode } from '../../api/custom/node.ts';
import { schemaFaults } from '../../api/custom/schema-faults.ts';
import { present } from '../../api/custom/source.ts';
import { structuralFaults } from '../../api/custom/structural-faults.ts';
import { equalJson, isJsonObject, type JsonObject } from '../../api/json.ts';
import { dns1035Label } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { items, part, text } from '../fields.ts';
import type { Validation } from '../strategy.ts';
import { createRuleCheck } from './check-rules.ts';
import { columnFaults, deprecationFaults, scaleFaults } from './definition-extras.ts';
import { ruleTreeFaults } from './definition-rules.ts';

/** What is wrong with `spec.versions`. */
export function versionsFaults(spec: JsonObject, validation: Validation): ErrorDetail[] {
  const versions = items(spec, 'versions');
  const faults: ErrorDetail[] = [];
  for (const [index, version] of versions.entries()) {
    const at = `spec.versions[${index}]`;
    const name = text(version, 'name');
    const why = dns1035Label(name);
    if (why.length > 0) faults.push(invalid(`${at}.name`, name, why.join(',')));
    faults.push(...deprecationFaults(version, at));
    if (!isJsonObject(part(version, 'schema').openAPIV3Schema))
      faults.push(required(`${at}.schema.openAPIV3Schema`));
  }
  const names = versions.map(({ name }) => name);
  if (new Set(names).size < names.length)
    faults.push(invalid('spec.versions', names, 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage === true).length !== 1)
    faults.push(invalid('spec.versions', names, 'must have exactly one version marked as storage version'));
  return [...faults, ...partFaults(versions, validation)];
}

/**
 * What versions say of schema, subresources, columns and selectable fields. Where all say the same it is looked at
 * once, at the path that upstream's internal version has for it.
 */
function partFaults(versions: readonly JsonObject[], validation: Validation): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const each = (key: string, all: string, check: (version: JsonObject, at: string) => ErrorDetail[]) => {
    const [first] = versions;
    if (first === undefined) return;
    const same = versions.every((version) => equalJson(version[key] ?? null, first[key] ?? null));
    if (same) faults.push(...check(first, `spec.${all}`));
    else
      for (const [index, version] of versions.entries())
        faults.push(...check(version, `spec.versions[${index}].${key}`));
  };
  each('schema', 'validation', (version, at) => checkSchema(version, at, validation));
  each('subresources', 'subresources', (version, at) => scaleFaults(part(version, 'subresources'), at));
  each('additionalPrinterColumns', 'additionalPrinterColumns', columnFaults);
  each('selectableFields', 'selectableFields', selectableFaults);
  return faults;
}

function checkSchema(version: JsonObject, at: string, validation: Validation): ErrorDetail[] {
  const { openAPIV3Schema: schema } = part(version, 'schema');
  if (!isJsonObject(schema)) return [];
  const before = oldSchema(version, validation);
  // It was right when it came in, by the rules of then.
  if (before !== undefined && equalJson(before, schema)) return [];
  const path = `${at}.openAPIV3Schema`;
  const faults = rootFaults(schema, path, part(version, 'subresources').status !== undefined);
  const structural = structuralFaults(schema, path);
  faults.push(...structural, ...schemaFaults(schema, path));
  if (faults.length > 0) return faults;
  const meta = validation.kind.schema.fields.metadata?.schema ?? { type: 'any' };
  const root = readNode(schema);
  const wrong = defaultFaults(root, path, { meta, checkRules: defaultRuleFaults });
  return [...wrong, ...ruleTreeFaults(root, path)];
}

/** A default must pass as what is new, and as what was there before. */
function defaultRuleFaults(node: Node, value: unknown, path: string): ErrorDetail[] {
  const check = createRuleCheck(node, node.embedded);
  if (check === undefined) return [];
  const faults = [...check(value, undefined), ...check(value, value)];
  const [first] = faults;
  return first === undefined
    ? []
    : [{ ...first, field: first.field === NO_FIELD ? path : `${path}.${first.field}` }];
}

function oldSchema({ name }: JsonObject, { change }: Validation): unknown {
  if (change === undefined) return undefined;
  const before = items(part(change.old, 'spec'), 'versions').find((version) => version.name === name);
  return part(before, 'schema').openAPIV3Schema;
}

/** What may stand at the root beside a status subresource, as upstream's own type has the names. */
const AT_ROOT =
  'Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations';
const NOT_AT_ROOT = [
  'default',
  'enum',
  'maxProperties',
  'minProperties',
  'allOf',
  'oneOf',
  'anyOf',
  'not',
  'nullable',
  'additionalProperties',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-list-type',
  'x-kubernetes-map-type',
];

function rootFaults(schema: JsonObject, path: string, hasStatus: boolean): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const type = text(schema, 'type');
  const beside = 'at the root of the schema if the status subresource is enabled';
  if (hasStatus && type !== '' && type !== 'object')
    faults.push(invalid(`${path}.type`, type, `only "object" is allowed as the type ${beside}`));
  if (hasStatus && NOT_AT_ROOT.some((key) => present(schema, key)))
    faults.push(invalidWhole(path, `only [${AT_ROOT}] fields are allowed ${beside}`));
  if (schema.nullable === true)
    faults.push(forbidden(`${path}.nullable`, 'nullable cannot be true at the root'));
  return faults;
}

function selectableFaults(version: JsonObject, at: string): ErrorDetail[] {
  const fields = items(version, 'selectableFields');
  const schema = part(version, 'schema').openAPIV3Schema;
  if (fields.length === 0 || !isJsonObject(schema)) return [];
  const root = readNode(schema);
  const known = new Set<string>();
  const faults = fields.flatMap((field, index) => {
    const name = `${at}[${index}].jsonPath`;
    return selectableFault(text(field, 'jsonPath'), name, { root, known });
  });
  if (known.size > LIMITS.selectableFields) faults.push(tooMany(at, known.size, LIMITS.selectableFields));
  return faults;
}

const SELECTABLE = ['string', 'boolean', 'integer'];

function selectableFault(
  path: string,
  field: string,
  { root, known }: { readonly root: Node; readonly known: Set<string> },
): ErrorDetail[] {
  if (path === '') return [required(field)];
  const found = followFieldPath(path, root, { brackets: false });
  if (typeof found === 'string') return [invalid(field, path, `is an invalid path: ${found}`)];
  const faults: ErrorDetail[] = [];
  if (found.names[0] === 'metadata')
    faults.push(invalid(field, path, 'must not point to fields in metadata'));
  const [type, ...more] = found.node.types;
  if (type === undefined || more.length > 0 || !SELECTABLE.includes(type))
    faults.push(
      invalid(
        field,
        path,
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      ),
    );
  const name = found.names.join('.');
  if (known.has(name)) faults.push(duplicate(field, path));
  known.add(name);
  return faults;
}
