import type { Functions } from '../build/scope.ts';
import type { Overload } from '../signature.ts';
import { authorizers } from './authorizer.ts';
import { conversions } from './conversions.ts';
import { core } from './core.ts';
import { jsonPatchFunctions } from './jsonpatch.ts';
import { listExtensions } from './list-extensions.ts';
import { lists } from './lists.ts';
import { namedFormats } from './named-format.ts';
import { network } from './network.ts';
import { operators } from './operators.ts';
import { optionals } from './optional.ts';
import { quantities } from './quantity.ts';
import { regex } from './regex.ts';
import { semvers } from './semver.ts';
import { sets } from './sets.ts';
import { strings } from './strings.ts';
import { urls } from './url.ts';

/** Every function an expression can call: CEL's own, then Kubernetes' libraries as 1.36 has them. */
const LIBRARIES: readonly (() => readonly Overload[])[] = [
  operators,
  conversions,
  core,
  optionals,
  regex,
  strings,
  lists,
  listExtensions,
  sets,
  urls,
  network,
  quantities,
  semvers,
  namedFormats,
  authorizers,
  jsonPatchFunctions,
];

/** By name; made once. */
export const FUNCTIONS: Functions = Map.groupBy(
  LIBRARIES.flatMap((library) => library()),
  ({ name }) => name,
);
