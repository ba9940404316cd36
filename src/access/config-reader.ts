import { AmphoraError } from '../lib/errors.ts';

/** A decoded configuration, read member by member. What is wrong is said with the place where it stands. */
export class ConfigReader {
  readonly #what: string;

  /** @param what the configuration's name, for messages */
  constructor(what: string) {
    this.#what = what;
  }

  /** An object with no other members than those. @throws BadRequest */
  fields(value: unknown, at: string, known: readonly string[]): Readonly<Record<string, unknown>> {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.wrong(at, 'must be an object');
    for (const name of Object.keys(value))
      if (!known.includes(name)) throw this.wrong(`${at}.${name}`, 'is not known or not supported');
    return value as Readonly<Record<string, unknown>>; // Just seen to be an object.
  }

  /** A list; empty where it is left out. @throws BadRequest */
  list(value: unknown, at: string): readonly unknown[] {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw this.wrong(at, 'must be a list');
    return value;
  }

  /** A text that is not empty. @throws BadRequest */
  text(value: unknown, at: string): string {
    if (typeof value !== 'string' || value === '') throw this.wrong(at, 'must be a text that is not empty');
    return value;
  }

  /** A list of texts, which may be empty. @throws BadRequest */
  texts(value: unknown, at: string): readonly string[] {
    return this.list(value, at).map((one, index) => {
      if (typeof one !== 'string') throw this.wrong(`${at}[${index}]`, 'must be a text');
      return one;
    });
  }

  wrong(at: string, why: string): AmphoraError {
    return new AmphoraError('BadRequest', `${this.#what}: ${at} ${why}`);
  }
}
