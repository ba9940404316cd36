import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { PROGRAMS } from '../../tools/programs.ts';
import { programFile, projectFile } from './program-files.ts';

test('every program that is started by its file is there, and the build knows it', () => {
  for (const name of PROGRAMS) assert.ok(existsSync(programFile(name)), name);
});

test('files that come with the project are found', () => {
  for (const path of ['package.json', 'examples', 'guest/Makefile']) {
    assert.ok(existsSync(projectFile(path)), path);
  }
});
