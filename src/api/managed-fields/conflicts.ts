import { AmphoraError } from '../../lib/errors.ts';
import { asWriter, byText, type Entry } from './entry.ts';
import { type FieldSet, pathsOf, pathText } from './field-set.ts';

/** Fields of another manager that an apply would change. */
export interface Conflict {
  readonly entry: Entry;
  readonly fields: FieldSet;
}

/** As upstream's `NewApplyConflict` words it. */
export function conflictError(conflicts: readonly Conflict[]): AmphoraError {
  const found = conflicts
    .map(({ entry, fields }) => ({ entry, paths: pathsOf(fields).map(pathText) }))
    .sort((a, b) => byText(identity(a.entry), identity(b.entry)));
  const details = found.flatMap(({ entry, paths }) =>
    paths.map((field) => ({
      reason: 'FieldManagerConflict',
      field,
      message: `conflict with ${nameOf(entry)}`,
    })),
  );
  const [first] = details;
  const message =
    first !== undefined && details.length === 1
      ? `Apply failed with 1 conflict: ${first.message}: ${first.field}`
      : `Apply failed with ${details.length} conflicts: ${found.flatMap(linesOf).join('\n')}`;
  return new AmphoraError('Conflict', message, { details, about: {} });
}

function linesOf({ entry, paths }: { readonly entry: Entry; readonly paths: readonly string[] }): string[] {
  return [`conflicts with ${nameOf(entry)}:`, ...paths.map((path) => `- ${path}`)];
}

function nameOf({ manager = '', subresource = '', operation, apiVersion }: Entry): string {
  const below = subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  return `${JSON.stringify(manager)}${below}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
}

function identity(entry: Entry): string {
  return JSON.stringify(asWriter(entry));
}
