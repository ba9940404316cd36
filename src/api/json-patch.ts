import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { cloneJson, equalJson, isJsonObject, isNestedDeeper } from './json.ts';
import {
  insertAt,
  isPointer,
  isThere,
  namesOf,
  type Place,
  placeAt,
  removeAt,
  replaceAt,
  valueAt,
} from './json-pointer.ts';

/** An operation whose shape has been checked. */
interface Operation {
  readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  readonly path: string;
  readonly from: string;
  readonly value: unknown;
}

const OPERATIONS: ReadonlySet<unknown> = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);

/** What upstream answers to whoever sends a patch that does not apply; what did not is said after it. */
const REJECTED = 'the server rejected our request due to an error in our request';

/**
 * JSON patch, https://www.rfc-editor.org/rfc/rfc6902. The original is not changed. An operation takes no longer than
 * its own value and path are long, a copy than what it copies, of which there is a limit.
 * @throws BadRequest for what is no patch, TooLarge for too many operations, Invalid where it does not apply, in the
 * words of the library that upstream patches with.
 */
export function jsonPatch(original: unknown, operations: readonly unknown[]): unknown {
  if (operations.length > LIMITS.jsonPatchOperations) {
    const message = `The allowed maximum operations in a JSON patch is ${LIMITS.jsonPatchOperations}, got ${operations.length}`;
    throw new AmphoraError('TooLarge', message);
  }
  const patching = new Patching(cloneJson(original));
  operations.forEach((value, index) => {
    patching.apply(checked(value, index));
  });
  if (isNestedDeeper(patching.document, LIMITS.nesting)) throw tooDeep();
  return patching.document;
}

function checked(value: unknown, index: number): Operation {
  const complain = (what: string) => new AmphoraError('BadRequest', `JSON patch: operation ${index} ${what}`);
  if (!isJsonObject(value)) throw complain('is not an object');
  const { op, path, from = '' } = value;
  if (!OPERATIONS.has(op)) throw complain(`has the unknown "op" ${JSON.stringify(op)}`);
  if (!isPointer(path)) throw complain('has no "path" that is a JSON pointer');
  const hasFrom = op === 'move' || op === 'copy';
  if (!isPointer(from) || (hasFrom && !Object.hasOwn(value, 'from')))
    throw complain('has no "from" that is a JSON pointer');
  const needsValue = op === 'add' || op === 'replace' || op === 'test';
  if (needsValue && !Object.hasOwn(value, 'value')) throw complain('has no "value"');
  for (const pointer of [path, from]) {
    const names = namesOf(pointer);
    if (names.length > LIMITS.nesting) throw tooDeep();
    if (names.includes('__proto__')) throw rejected(`no object has the member ${JSON.stringify(pointer)}`);
  }
  return { op: op as Operation['op'], path, from, value: value.value }; // It is one of the set.
}

function rejected(why: string): AmphoraError {
  return new AmphoraError('Invalid', `${REJECTED}: ${why}`);
}

/** An operation `test` that found another value: the one fault that an author may have meant to happen. */
export class PatchTestFailed extends AmphoraError {
  constructor(path: string) {
    super('Invalid', `${REJECTED}: testing value ${path} failed: test failed`);
  }
}

function tooDeep(): AmphoraError {
  return rejected(`the patched object is nested deeper than ${LIMITS.nesting} levels`);
}

class Patching {
  document: unknown;
  #copied = 0;

  constructor(document: unknown) {
    this.document = document;
  }

  apply(operation: Operation): void {
    const { op, path, value } = operation;
    if (op === 'add') this.#add(operation, cloneJson(value));
    else if (op === 'copy') this.#add(operation, this.#copyOf(operation));
    else if (op === 'move') this.#move(operation);
    else if (op === 'remove') this.#remove(path);
    else if (op === 'replace') this.#replace(path, cloneJson(value));
    else this.#test(path, value);
  }

  #add({ op, path }: Operation, value: unknown): void {
    if (path === '') {
      this.document = value;
      return;
    }
    const place = placeAt(this.document, path);
    if (place === undefined)
      throw rejected(`${op} operation does not apply: doc is missing path: "${path}": missing value`);
    if (!insertAt(place, value)) throw invalidIndex(op, path, place);
  }

  #move(operation: Operation): void {
    const { from } = operation;
    const place = this.#existing(operation);
    const value = place === undefined ? this.document : valueAt(place);
    if (place === undefined && operation.path !== '')
      throw rejected(`move operation does not apply: doc is missing from path: ${from}: missing value`);
    if (place !== undefined) removeAt(place);
    this.#add(operation, value);
  }

  #copyOf(operation: Operation): unknown {
    const place = this.#existing(operation);
    const value = place === undefined ? this.document : valueAt(place);
    if (isNestedDeeper(value, LIMITS.nesting)) throw tooDeep();
    this.#copied += JSON.stringify(value).length;
    if (this.#copied > LIMITS.requestBodyBytes)
      throw rejected(
        `Unable to complete the copy, the accumulated size increase of copy is ${this.#copied}, exceeding the limit ${LIMITS.requestBodyBytes}`,
      );
    return cloneJson(value);
  }

  /** Where `from` leads; undefined for the whole document. */
  #existing({ op, from }: Operation): Place | undefined {
    if (from === '') return undefined;
    const place = placeAt(this.document, from);
    if (place !== undefined && isThere(place)) return place;
    throw rejected(`${op} operation does not apply: doc is missing from path: ${from}: missing value`);
  }

  #remove(path: string): void {
    const place = placeAt(this.document, path);
    if (path === '' || place === undefined)
      throw rejected(`remove operation does not apply: doc is missing path: "${path}": missing value`);
    if (isThere(place)) removeAt(place);
    else if (Array.isArray(place.holder)) throw invalidIndex('remove', path, place);
    else
      throw rejected(
        `error in remove for path: '${path}': Unable to remove nonexistent key: ${place.key}: missing value`,
      );
  }

  #replace(path: string, value: unknown): void {
    if (path === '') {
      this.document = value;
      return;
    }
    const place = placeAt(this.document, path);
    if (place === undefined)
      throw rejected(`replace operation does not apply: doc is missing path: ${path}: missing value`);
    if (!isThere(place))
      throw rejected(`replace operation does not apply: doc is missing key: ${path}: missing value`);
    replaceAt(place, value);
  }

  /** A member that is not there is null to a test. */
  #test(path: string, value: unknown): void {
    const place = path === '' ? undefined : placeAt(this.document, path);
    const found = place === undefined ? this.document : isThere(place) ? valueAt(place) : undefined;
    const isNothing = place !== undefined && found === undefined && !Array.isArray(place.holder);
    const isSame = path === '' || place !== undefined ? equalJson(value, found) : false;
    if (!isSame && !(isNothing && value === null)) throw new PatchTestFailed(path);
  }
}

function invalidIndex(op: string, path: string, { key }: Place): AmphoraError {
  return rejected(
    `error in ${op} for path: '${path}': Unable to access invalid index: ${key}: invalid index referenced`,
  );
}
