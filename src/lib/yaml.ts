import { parse, parseAllDocuments, stringify } from 'yaml';

/**
 * The yaml package, for those who load it only when YAML comes: `await import('./yaml.ts')`. Imported so directly, a
 * CommonJS package has no named exports once it is bundled.
 */
export const yaml = { parse, parseAllDocuments, stringify };
