import { AmphoraError } from '../../lib/errors.ts';

/** The parameters of one call, read member by member: what came over the tunnel is checked before it is used. */
export class Parameters {
  readonly #values: object;

  constructor(request: unknown) {
    this.#values = typeof request === 'object' && request !== null ? request : {};
  }

  text(name: string): string {
    const value = this.#get(name);
    if (typeof value === 'string') return value;
    throw new AmphoraError('BadRequest', `${name} must be a string`);
  }

  flag(name: string): boolean {
    return this.#get(name) === true;
  }

  optionalText(name: string): string | undefined {
    const value = this.#get(name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  }

  optionalNumber(name: string): number | undefined {
    const value = this.#get(name);
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  }

  texts(name: string): string[] {
    const value = this.#get(name);
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
  }

  #get(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? Reflect.get(this.#values, name) : undefined;
  }
}
