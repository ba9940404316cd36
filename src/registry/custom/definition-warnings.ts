import { supportedFormat } from '../../api/custom/node.ts';
import { text, walkSchemas } from '../../api/custom/source.ts';
import { equalJson, isJsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { items, part } from '../fields.ts';

/** What a CRD says that has no effect, unless it said so before. */
export function definitionWarnings(
  crd: Readonly<ApiObject>,
  old: Readonly<ApiObject> | undefined,
): readonly string[] {
  if (old !== undefined && equalJson(old.spec, crd.spec)) return [];
  const before = old === undefined ? new Set<string>() : warningsOf(old);
  return [...warningsOf(crd)].filter((warning) => !before.has(warning));
}

function warningsOf(crd: Readonly<ApiObject>): Set<string> {
  const found = new Set<string>();
  for (const version of items(part(crd, 'spec'), 'versions')) {
    const { openAPIV3Schema: root } = part(version, 'schema');
    if (!isJsonObject(root)) continue;
    walkSchemas(root, (schema) => {
      const format = text(schema, 'format');
      if (format !== '' && supportedFormat(schema) === '')
        found.add(`unrecognized format ${JSON.stringify(format)}`);
      const { items: of } = schema;
      const type = isJsonObject(of) ? text(of, 'type') : '';
      if (schema['x-kubernetes-list-type'] === 'set' && (type === 'object' || type === 'array'))
        found.add(
          `x-kubernetes-list-type: set for items of type ${JSON.stringify(type)} is not supported by server-side apply or CEL validation rules`,
        );
    });
  }
  return found;
}
