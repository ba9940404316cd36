import type { ApiObject } from '../api/kind.ts';
import { qualifiedName } from '../api/meta-validation.ts';
import type { StoredKind } from './parts.ts';
import type { RequestContext } from './registry.ts';

/** Tells the caller what is allowed but not wise, in upstream's words. */
export function warnOf(
  kind: StoredKind,
  { object, old }: { readonly object: Readonly<ApiObject>; readonly old?: Readonly<ApiObject> },
  context: RequestContext,
): void {
  for (const text of kind.strategy.warnings?.(object, old) ?? []) context.warn(text);
  if (kind.asked.custom === undefined) return;
  const before = new Set(old?.metadata.finalizers);
  for (const name of object.metadata.finalizers ?? [])
    if (!before.has(name)) for (const text of finalizerWarnings(name)) context.warn(text);
}

/** Finalizers of Kubernetes' own. */
const STANDARD = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

function finalizerWarnings(name: string): string[] {
  const at = `metadata.finalizers: ${JSON.stringify(name)}`;
  const warnings = qualifiedName(name).map((why) => `${at}: ${why}`);
  if (name.includes('/') || STANDARD.has(name)) return warnings;
  const better = name.includes('.')
    ? 'prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers'
    : 'prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers';
  return [...warnings, `${at}: ${better}`];
}
