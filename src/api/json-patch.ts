import fastJsonPatch from 'fast-json-patch';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { cloneJson, isJsonObject, isNestedDeeper } from './json.ts';

/** An operation whose shape has been checked. */
type Operation = Parameters<typeof fastJsonPatch.applyOperation>[1];

const OPERATIONS: ReadonlySet<unknown> = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);

/** What upstream answers to whoever sends a patch that does not apply; what did not is said after it. */
const REJECTED = 'the server rejected our request due to an error in our request';

/**
 * JSON patch, https://www.rfc-editor.org/rfc/rfc6902. The original is not changed.
 * @throws BadRequest for what is no patch, TooLarge for too many operations, Invalid where it does not apply.
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
    if (copied > LIMITS.requestBodyBytes)
      throw rejected(
        `Unable to complete the copy, the accumulated size increase of copy is ${copied}, exceeding the limit ${LIMITS.requestBodyBytes}`,
      );
    if (!isTestOfNothing(document, operation)) document = applyOne(document, operation, index);
  });
  if (isNestedDeeper(document, LIMITS.nesting))
    throw rejected(`the patched object is nested deeper than ${LIMITS.nesting} levels`);
  return document;
}

function rejected(why: string, cause?: unknown): AmphoraError {
  return new AmphoraError('Invalid', `${REJECTED}: ${why}`, cause === undefined ? {} : { cause });
}

/** What is not there is null to a test, as upstream has it. */
function isTestOfNothing(document: unknown, operation: Operation): boolean {
  if (operation.op !== 'test' || operation.value !== null || operation.path === '') return false;
  const names = operation.path
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = names.pop() ?? '';
  let at = document;
  for (const name of names) {
    if (typeof at !== 'object' || at === null) return false;
    at = Object.hasOwn(at, name) ? Reflect.get(at, name) : undefined;
  }
  return isJsonObject(at) && !Object.hasOwn(at, last);
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
    throw rejected(whyNot(operation, error), error);
  }
}

/** In the words of the library that upstream patches with. */
function whyNot(operation: Operation, error: unknown): string {
  const { op, path } = operation;
  const key = path.slice(path.lastIndexOf('/') + 1);
  switch (error instanceof Error ? error.name : '') {
    case 'TEST_OPERATION_FAILED':
      return `testing value ${path} failed: test failed`;
    case 'OPERATION_PATH_CANNOT_ADD':
      return `add operation does not apply: doc is missing path: "${path}": missing value`;
    case 'OPERATION_PATH_UNRESOLVABLE':
      return op === 'remove'
        ? `error in remove for path: '${path}': Unable to remove nonexistent key: ${key}: missing value`
        : `${op} operation does not apply: doc is missing key: ${path}: missing value`;
    case 'OPERATION_FROM_UNRESOLVABLE':
      return `${op} operation does not apply: doc is missing from path: ${'from' in operation ? operation.from : ''}: missing value`;
    case 'OPERATION_PATH_ILLEGAL_ARRAY_INDEX':
    case 'OPERATION_VALUE_OUT_OF_BOUNDS':
      return `error in ${op} for path: '${path}': Unable to access invalid index: ${key}: invalid index referenced`;
    default:
      return `${op} operation does not apply: ${path}`;
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
