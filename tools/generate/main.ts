import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { generateKinds } from './kinds.ts';
import { readDocument } from './openapi.ts';
import { generateTypes } from './types.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const [path] = positionals;
if (path === undefined) {
  console.error(
    'usage: npm run generate -- OPENAPI_V2_DOCUMENT\n\nIts source: api/openapi-spec/swagger.json of a Kubernetes release.',
  );
  process.exit(2);
}
const document = await readDocument(path);
await writeFile(new URL('../../src/api/types.generated.ts', import.meta.url), generateTypes(document));
await writeFile(new URL('../../src/api/kinds.generated.ts', import.meta.url), generateKinds(document));
