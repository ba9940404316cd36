import { isJsonObject, type JsonObject } from '../../../api/json.ts';
import type { ErrorDetail } from '../../../lib/errors.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { createsPod } from '../faults.ts';
import { objectAt, textAt } from '../fields.ts';
import { runtimeClassOf } from './runtime-class.ts';

/**
 * Field paths that a class cannot do, by the class's name; '' is for pods without one. `[*]` stands for every item:
 * `spec.volumes[*].hostPath`, `spec.containers[*].securityContext.privileged`. A field counts when it is there and
 * is not false, empty or null.
 */
export type UnsupportedFields = Readonly<Record<string, readonly string[]>>;

/** On a RuntimeClass: paths as in {@link UnsupportedFields}, separated by commas. */
export const UNSUPPORTED_ANNOTATION = 'amphora.dev/unsupported-fields';

/** What a class of isolation cannot do yet is refused by name, never ignored. */
export function unsupportedByClass(table: UnsupportedFields): AdmissionPlugin {
  return {
    name: 'UnsupportedByClass',
    async validate(request) {
      const ephemeral = request.operation === 'UPDATE' && request.subresource === 'ephemeralcontainers';
      if (!createsPod(request) && !(ephemeral && request.kind.resource === 'pods')) return;
      const spec = objectAt(request.object, 'spec');
      const name = textAt(spec, 'runtimeClassName');
      const found = await runtimeClassOf(request, spec);
      const annotated = found?.metadata.annotations?.[UNSUPPORTED_ANNOTATION] ?? '';
      const listed = Object.hasOwn(table, name) ? (table[name] ?? []) : [];
      const paths = [...listed, ...annotated.split(',')]
        .map((path) => path.trim())
        .filter((path) => path !== '');
      refuse(
        request,
        name,
        paths.flatMap((path) => present(request.object, path)),
      );
    },
  };
}

function refuse(request: AdmissionRequest, className: string, fields: readonly string[]): void {
  if (fields.length === 0) return;
  const what =
    className === '' ? 'pods without a runtime class' : `runtime class ${JSON.stringify(className)}`;
  const details: ErrorDetail[] = [...new Set(fields)].map((field) => ({
    reason: 'FieldValueForbidden',
    field,
    message: `Forbidden: not supported by ${what} yet: remove it or choose another runtimeClassName`,
  }));
  const lines = details.map((detail) => `${detail.field}: ${detail.message}`);
  const { name } = request.object.metadata;
  throw new AmphoraError('Invalid', `Pod ${JSON.stringify(name)} is invalid: ${lines.join(', ')}`, {
    about: { group: '', kind: 'Pod', name },
    details,
  });
}

/** Where `path` leads in `object`, with the numbers of items filled in; only what asks for something counts. */
function present(object: Readonly<Record<string, unknown>>, path: string): string[] {
  let places: { readonly at: string; readonly value: unknown }[] = [{ at: '', value: object }];
  for (const segment of path.split('.')) {
    const every = segment.endsWith('[*]');
    const name = every ? segment.slice(0, -3) : segment;
    places = places.flatMap(({ at, value }) => {
      const inner = isJsonObject(value) ? (value as JsonObject)[name] : undefined;
      const next = at === '' ? name : `${at}.${name}`;
      if (!every) return [{ at: next, value: inner }];
      return Array.isArray(inner)
        ? inner.map((item, index) => ({ at: `${next}[${index}]`, value: item }))
        : [];
    });
  }
  return places.filter(({ value }) => asksForSomething(value)).map(({ at }) => at);
}

function asksForSomething(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false;
  return !(Array.isArray(value) && value.length === 0);
}
