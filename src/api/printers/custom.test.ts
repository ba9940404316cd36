import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiObject, Kind, PrinterColumn } from '../kind.ts';
import { customColumns } from './custom.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const OBJECT = {
  apiVersion: 'example.com/v1',
  kind: 'Foo',
  metadata: { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: {
    size: 2.7,
    on: true,
    text: 'x',
    nothing: null,
    list: ['a', 'b'],
    map: { a: 1 },
    parts: [{ name: 'one' }, { name: 'two' }],
    later: '2027-01-01T00:00:00Z',
    never: 'soon',
    empty: '',
  },
} as unknown as ApiObject; // A custom object has what its CRD says.

function cells(columns: readonly Pick<PrinterColumn, 'type' | 'jsonPath'>[]): unknown[] {
  const printerColumns = columns.map((one) => ({
    name: one.jsonPath,
    format: '',
    description: '',
    priority: 0,
    ...one,
  }));
  // Nothing else of a kind is looked at.
  const made = customColumns({ printerColumns } as unknown as Kind);
  return made.map((column) => column.cell(OBJECT, NOW));
}

const TABLE: readonly [type: string, jsonPath: string, expected: unknown][] = [
  ['integer', '.spec.size', 2],
  ['integer', '.spec.text', null],
  ['number', '.spec.size', 2.7],
  ['boolean', '.spec.on', true],
  ['boolean', '.spec.text', null],
  ['string', '.spec.text', 'x'],
  ['string', '.spec.size', '2.7'],
  ['string', '.spec.nothing', '<no value>'],
  ['string', '.spec.missing', null],
  ['string', '.spec.list', '["a","b"]'],
  ['string', '.spec.map', '{"a":1}'],
  ['string', '.spec.parts[*].name', 'one'],
  ['string', '.spec.parts[?(@.name=="two")].name', 'two'],
  ['date', '.metadata.creationTimestamp', '60m'],
  ['date', '.spec.later', '<invalid>'],
  ['date', '.spec.never', '<invalid>'],
  ['date', '.spec.empty', '<unknown>'],
  ['date', '.spec.size', null],
];
for (const [type, jsonPath, expected] of TABLE)
  test(`a ${type} column of ${jsonPath}`, () =>
    assert.deepEqual(cells([{ type, jsonPath }]), ['a', expected]));

test('columns end before the first whose path is none; without any there is the age', () => {
  const wanted = ['.spec.text', '.spec[', '.spec.size'].map((jsonPath) => ({ type: 'string', jsonPath }));
  assert.deepEqual(cells(wanted), ['a', 'x']);
  const made = customColumns({} as unknown as Kind);
  assert.deepEqual(
    made.map((column) => column.cell(OBJECT, NOW)),
    ['a', '60m'],
  );
});
