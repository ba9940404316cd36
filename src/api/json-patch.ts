import fastJsonPatch from 'fast-json-patch';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { cloneJson, isJsonObject } from './json.ts';

/** An operation whose shape has been checked. */
type Operation = Parameters<typeof fastJsonPatch.applyOperation>[1];

const OPERATIONS: ReadonlySet<unknown> = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);

/**
 * JSON patch, https://www.rfc-editor.org/rfc/rfc6902. The original is not changed.
 * @throws BadRequest for what is no patch, TooLarge beyond the bounds, Invalid where it does not apply.
 */
export function jsonPatch(original: unknown, operations: readonly unknown[]): unknown {
  if (operations.length > LIMITS.jsonPatchOperations) {
    const message = `The allowed maximum operations in a JSON patch is ${LIMITS.jsonPatchOperations}, got ${operations.length}`;
    throw new AmphoraError('TooLarge', message);
  }
  let document = cloneJson(original);
  let copied = 0;
  operations.forEach((value, index) => {
    const operation = checked(value, index);
    if (operation.op === 'copy') copied += copySize(document, operation.from);
    if (copied > LIMITS.requestBodyBytes) {
      throw new AmphoraError(
        'TooLarge',
        `JSON patch: "copy" operations make more than ${LIMITS.requestBodyBytes} bytes`,
      );
    }
    document = applyOne(document, operation, index);
  });
  return document;
}

function checked(value: unknown, index: number): Operation {
  const complain = (what: string) => new AmphoraError('BadRequest', `JSON patch: operation ${index} ${what}`);
  if (!isJsonObject(value)) throw complain('is not an object');
  const { op, path, from } = value;
  if (!OPERATIONS.has(op)) throw complain(`has the unknown "op" ${JSON.stringify(op)}`);
  if (!isPointer(path)) throw complain('has no "path" that is a JSON pointer');
  if ((op === 'move' || op === 'copy') && !isPointer(from))
    throw complain('has no "from" that is a JSON pointer');
  const needsValue = op === 'add' || op === 'replace' || op === 'test';
  if (needsValue && !Object.hasOwn(value, 'value')) throw complain('has no "value"');
  // Its members were checked above, one by one.
  return cloneJson(value) as unknown as Operation;
}

function isPointer(value: unknown): value is string {
  return typeof value === 'string' && (value === '' || value.startsWith('/'));
}

function applyOne(document: unknown, operation: Operation, index: number): unknown {
  try {
    // Validates the pointer against the document; refuses `__proto__` and `constructor/prototype`.
    return fastJsonPatch.applyOperation(document, operation, true, true, true, index).newDocument;
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    const message = `JSON patch: operation ${index} ("${operation.op}" at "${operation.path}") does not apply: ${reason}`;
    throw new AmphoraError('Invalid', message, { cause: error });
  }
}

function copySize(document: unknown, from: string): number {
  try {
    const value: unknown = fastJsonPatch.getValueByPointer(document, from);
    return value === undefined ? 0 : JSON.stringify(value).length;
  } catch {
    // A pointer to nothing copies nothing; applying it gives the error.
    return 0;
  }
}
