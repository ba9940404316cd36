import assert from 'node:assert/strict';
import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { importFault, MAY_IMPORT } from './imports.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SRC = resolve(ROOT, 'src');

/** Lists that name everything of their sort: the list file, and which files must stand in it. */
const LISTS: readonly { readonly list: string; readonly folder: string; readonly member: RegExp }[] = [
  { list: 'controllers/all.ts', folder: 'controllers', member: /^[\w-]+\/reconcile\.ts$/ },
  { list: 'access/admission/all.ts', folder: 'access/admission', member: /^plugins\/[\w-]+\.ts$/ },
  { list: 'http/filters/all.ts', folder: 'http/filters', member: /^[\w-]+\.ts$/ },
  { list: 'registry/strategies/all.ts', folder: 'registry/strategies', member: /^[\w-]+\.ts$/ },
  { list: 'cli/all.ts', folder: 'cli/verbs', member: /^[\w-]+\.ts$/ },
];

test('folders import only what the architecture allows', async () => {
  const faults: string[] = [];
  for (const file of await sources()) {
    if (isTest(file)) continue;
    for (const specifier of importsOf(await readFile(resolve(SRC, file), 'utf8'))) {
      const imported = relative(SRC, resolve(SRC, dirname(file), specifier));
      const fault = importFault(file, imported);
      if (fault !== undefined) faults.push(fault);
    }
  }
  assert.deepEqual(faults, []);
});

test('the import rules know every folder of src', async () => {
  const folders = (await readdir(SRC, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  assert.deepEqual(
    folders.filter((name) => name !== 'main' && !(name in MAY_IMPORT)),
    [],
  );
});

test('everything that belongs in a list stands in it', async () => {
  const missing: string[] = [];
  for (const { list, folder, member } of LISTS) {
    const text = await readFile(resolve(SRC, list), 'utf8');
    const listed = new Set(
      importsOf(text).map((specifier) => relative(SRC, resolve(SRC, dirname(list), specifier))),
    );
    for (const file of await filesBelow(resolve(SRC, folder))) {
      const path = `${folder}/${file}`;
      if (member.test(file) && !isTest(file) && path !== list && !listed.has(path))
        missing.push(`${path} is not in src/${list}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('links in the documents lead somewhere', async () => {
  const broken: string[] = [];
  for (const document of await documents()) {
    const text = await readFile(resolve(ROOT, document), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const found = await access(resolve(ROOT, dirname(document), target)).then(
        () => true,
        () => false,
      );
      if (!found) broken.push(`${document}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

function isTest(file: string): boolean {
  return file.endsWith('.test.ts') || file.includes('/testing/');
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import|import\()\s*'(\.{1,2}\/[^']+)'/g)].map((match) => match[1] ?? '');
}

async function sources(): Promise<string[]> {
  return (await filesBelow(SRC)).filter((file) => file.endsWith('.ts'));
}

async function documents(): Promise<string[]> {
  const top = (await readdir(ROOT)).filter((file) => file.endsWith('.md'));
  return [
    ...top,
    ...(await filesBelow(resolve(ROOT, 'docs')))
      .filter((file) => file.endsWith('.md'))
      .map((file) => `docs/${file}`),
  ];
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, resolve(entry.parentPath, entry.name)));
}
