import { parseDocument } from 'yaml';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { type Decoded, dropProto } from './json.ts';

/** Bytes of YAML: its parser is slower than JSON's by a factor of fifty, and it runs where requests are answered. */
const MAX_BYTES = 1024 * 1024;

/** One YAML 1.2 document as JSON values. @throws BadRequest for anything else, and for what would blow up. */
export function decodeYaml(bytes: Buffer): Decoded {
  if (bytes.length > MAX_BYTES)
    throw new AmphoraError('TooLarge', `a YAML body may have at most ${MAX_BYTES} bytes: send JSON`);
  const text = bytes.toString('utf8');
  refuseDeepFlow(text);
  const duplicates: string[] = [];
  let value: unknown;
  try {
    const document = parseDocument(text, { schema: 'core', uniqueKeys: false, logLevel: 'error' });
    const [error] = document.errors;
    if (error !== undefined) throw error;
    value = document.toJS({ maxAliasCount: LIMITS.yamlAliases });
  } catch (error) {
    const message = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new AmphoraError('BadRequest', `the body is not one valid YAML document: ${message}`, {
      cause: error,
    });
  }
  checkTree(value);
  dropProto(value);
  return { value, duplicates };
}

/** The parser recurses; more open brackets than levels allowed are refused before it starts. */
function refuseDeepFlow(text: string): void {
  let run = 0;
  for (const character of text) {
    if (character === '[' || character === '{') run += 1;
    else if (character !== ' ' && character !== '\n' && character !== '"' && character !== ':') run = 0;
    if (run > LIMITS.nesting) throw tooDeep();
  }
}

/** Aliases make a graph; a tree of at most so many nodes must come of it. */
function checkTree(root: unknown): void {
  let nodes = 0;
  const walk = (value: unknown, depth: number): void => {
    nodes += 1;
    if (depth > LIMITS.nesting) throw tooDeep();
    if (nodes > LIMITS.requestBodyBytes / 8)
      throw new AmphoraError('BadRequest', 'the YAML body expands to too much');
    if (typeof value === 'object' && value !== null)
      for (const child of Object.values(value)) walk(child, depth + 1);
  };
  walk(root, 0);
}

function tooDeep(): AmphoraError {
  return new AmphoraError('BadRequest', `the body is nested deeper than ${LIMITS.nesting} levels`);
}
