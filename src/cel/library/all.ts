import type { Functions } from '../build/scope.ts';
import type { Overload } from '../signature.ts';
import { conversions } from './conversions.ts';
import { core } from './core.ts';
import { operators } from './operators.ts';
import { optionals } from './optional.ts';
import { regex } from './regex.ts';

/** Every function an expression can call: CEL's own, then Kubernetes' libraries as 1.36 has them. */
const LIBRARIES: readonly (() => readonly Overload[])[] = [operators, conversions, core, regex, optionals];

/** By name; made once. */
export const FUNCTIONS: Functions = Map.groupBy(
  LIBRARIES.flatMap((library) => library()),
  ({ name }) => name,
);
