import { readFile, writeFile } from 'node:fs/promises';
import { ERRORS } from '../../src/lib/errors.ts';

const TABLE = new URL('../../docs/errors.md', import.meta.url);

const FATES = {
  invalid: "the caller's: the same request fails again",
  conflict: 'something changed: read again',
  transient: 'back off and try again',
  terminal: 'waiting does not help: it stands in a condition',
} as const;

/** `docs/errors.md`: the closed table of `src/lib/errors.ts`, for people. */
export function errorsDocument(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, reason, fate }]) => `| \`${code}\` | ${status} | \`${reason}\` | ${fate} |`,
  );
  const fates = Object.entries(FATES).map(([fate, meaning]) => `- **${fate}**: ${meaning}.`);
  return `# Errors
Made by \`tools/with-node tools/generate/errors.ts\` from [the closed table](../src/lib/errors.ts); a test compares them. Every error has a code, the
HTTP status and Kubernetes \`reason\` it is answered with, and a fate, which says what a caller may do:

${fates.join('\n')}

| code | status | reason | fate |
|---|---|---|---|
${rows.join('\n')}
`;
}

if (import.meta.main) await writeFile(TABLE, errorsDocument());

export async function committedErrorsDocument(): Promise<string> {
  return await readFile(TABLE, 'utf8');
}
