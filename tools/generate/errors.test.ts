import assert from 'node:assert/strict';
import { test } from 'node:test';
import { committedErrorsDocument, errorsDocument } from './errors.ts';

test('docs/errors.md is what the table of errors says', async () => {
  assert.equal(await committedErrorsDocument(), errorsDocument());
});
