import { type Overload, overload } from '../signature.ts';
import { walkAndMake } from './cost.ts';

/** https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/ */
export function jsonPatchFunctions(): Overload[] {
  const escapeKey = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');
  return [
    overload('jsonpatch.escapeKey(string): string', escapeKey, {
      cost: walkAndMake,
      size: (size) => size * 2,
    }),
  ];
}
