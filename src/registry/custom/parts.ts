import type { CustomFacts } from '../../api/custom/facts.ts';
import { apiVersionOf, type Kind } from '../../api/kind.ts';
import type { RegistryParts } from '../parts.ts';
import { converterOf } from './convert.ts';
import { customStore } from './custom-store.ts';

/** What the verbs work with for a kind: for a custom one, a store that speaks its version. */
export function createPartsOf(parts: RegistryParts): (kind: Kind) => RegistryParts {
  const made = new WeakMap<Kind, RegistryParts>();
  return (kind) => {
    if (!isCustom(kind)) return parts;
    const known = made.get(kind);
    if (known !== undefined) return known;
    const convert = converterOf(kind, parts.hooks.webhooks);
    const own: RegistryParts = {
      ...parts,
      store: customStore(parts.store, kind, convert),
      convert: async (object, to, signal) => {
        if (object.apiVersion === apiVersionOf(to)) return { ...object };
        const [converted] = await convert([object], to.version, signal);
        return converted ?? { ...object };
      },
    };
    made.set(kind, own);
    return own;
  };
}

function isCustom(kind: Kind): kind is Kind & { readonly custom: CustomFacts } {
  return kind.custom !== undefined;
}
