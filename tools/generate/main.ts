import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readGoPackages } from './go-types.ts';
import { generateKinds } from './kinds.ts';
import { readDocument } from './openapi.ts';
import { generateProtobuf } from './protobuf.ts';
import { generateTypes } from './types.ts';

/** Repositories of the Kubernetes project whose Go types carry protobuf numbers, as checked out side by side. */
const GO_REPOSITORIES = ['api', 'apimachinery', 'apiextensions-apiserver', 'kube-aggregator'];

const { positionals } = parseArgs({ allowPositionals: true });
const [path, goFolder] = positionals;
if (path === undefined) {
  console.error(
    'usage: npm run generate -- OPENAPI_V2_DOCUMENT [GO_FOLDER]\n\n' +
      'The document: api/openapi-spec/swagger.json of a Kubernetes release.\n' +
      `GO_FOLDER, for the protobuf facts: checkouts of kubernetes/{${GO_REPOSITORIES.join(',')}} of the same release.`,
  );
  process.exit(2);
}
const document = await readDocument(path);
await writeFile(new URL('../../src/api/types.generated.ts', import.meta.url), generateTypes(document));
await writeFile(new URL('../../src/api/kinds.generated.ts', import.meta.url), generateKinds(document));
if (goFolder !== undefined) {
  const packages = await Promise.all(
    GO_REPOSITORIES.map((name) => readGoPackages(join(goFolder, name), name)),
  );
  await writeFile(
    new URL('../../src/api/protobuf/facts.generated.ts', import.meta.url),
    generateProtobuf(packages.flat()),
  );
}
