import { RE2JS } from 're2js';
import { LIMITS } from '../lib/limits.ts';
import { fault } from './faults.ts';

/** Compiled regular expressions of one program, so that a rule that runs a thousand times compiles them once. */
export class Patterns {
  readonly #compiled = new Map<string, RE2JS>();

  /** @param spend is told what compiling costs. @throws CelFault for what is no pattern */
  get(pattern: string, spend: (cost: number) => void): RE2JS {
    const known = this.#compiled.get(pattern);
    if (known !== undefined) return known;
    spend(100 + pattern.length * 10);
    const program = compilePattern(pattern);
    spend(program.programSize() * 10);
    if (this.#compiled.size >= LIMITS.celPatterns) this.#compiled.clear();
    this.#compiled.set(pattern, program);
    return program;
  }
}

/** By RE2's engine, which takes linear time. @throws CelFault for what is no pattern, or too long */
export function compilePattern(pattern: string): RE2JS {
  if (pattern.length > LIMITS.celPatternCharacters)
    throw fault(`regular expression is longer than ${LIMITS.celPatternCharacters} characters`);
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw fault(error instanceof Error ? error.message : String(error));
  }
}
