import type { AdmissionPlugin } from './admission.ts';
import { defaultTolerationSeconds } from './plugins/default-toleration-seconds.ts';
import { namespaceLifecycle } from './plugins/namespace-lifecycle.ts';
import { nodeRestriction } from './plugins/node-restriction.ts';
import { priority } from './plugins/priority.ts';
import { runtimeClass } from './plugins/runtime-class.ts';
import { serviceAccount } from './plugins/service-account.ts';
import { type UnsupportedFields, unsupportedByClass } from './plugins/unsupported-by-class.ts';

/**
 * Every admission plugin, in order.
 * @param unsupported what each runtime class cannot do yet, besides what its annotation says
 */
export function admissionPlugins(unsupported: UnsupportedFields = {}): readonly AdmissionPlugin[] {
  return [
    namespaceLifecycle,
    nodeRestriction,
    serviceAccount,
    runtimeClass,
    priority,
    defaultTolerationSeconds,
    unsupportedByClass(unsupported),
  ];
}
