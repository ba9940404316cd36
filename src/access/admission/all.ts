import type { Logger } from '../../lib/log.ts';
import type { LiveView } from '../live.ts';
import type { WebhookCaller } from '../webhooks/caller.ts';
import type { AccessParts } from './access-parts.ts';
import type { AdmissionPlugin } from './admission.ts';
import { certificateRequests } from './plugins/certificate-requests.ts';
import { defaultIngressClass } from './plugins/default-ingress-class.ts';
import { defaultStorageClass } from './plugins/default-storage-class.ts';
import { defaultTolerationSeconds } from './plugins/default-toleration-seconds.ts';
import { limitRanger } from './plugins/limit-ranger.ts';
import { namespaceLifecycle } from './plugins/namespace-lifecycle.ts';
import { nodeRestriction } from './plugins/node-restriction.ts';
import { persistentVolumeClaimResize } from './plugins/persistent-volume-claim-resize.ts';
import { type Exemptions, NO_EXEMPTIONS, podSecurity } from './plugins/pod-security.ts';
import { priority } from './plugins/priority.ts';
import { resourceQuota } from './plugins/resource-quota.ts';
import { roleEscalation } from './plugins/role-escalation.ts';
import { runtimeClass } from './plugins/runtime-class.ts';
import { serviceAccount } from './plugins/service-account.ts';
import { storageObjectInUseProtection } from './plugins/storage-object-in-use-protection.ts';
import { taintNodesByCondition } from './plugins/taint-nodes-by-condition.ts';
import { type UnsupportedFields, unsupportedByClass } from './plugins/unsupported-by-class.ts';
import { conditionCompiler } from './policies/conditions.ts';
import { mutatingPolicies } from './policies/mutating.ts';
import { validatingPolicies } from './policies/validating.ts';
import { mutatingWebhooks } from './webhooks/mutating.ts';
import { Registrations } from './webhooks/registrations.ts';
import { validatingWebhooks } from './webhooks/validating.ts';

export interface AdmissionOptions {
  readonly live: LiveView;
  readonly caller: WebhookCaller;
  readonly log: Logger;
  readonly access: AccessParts;
  /** Whom the pod security standards do not bind; nobody if left out. */
  readonly exemptions?: Exemptions;
  /** What each runtime class cannot do yet, besides what its annotation says. */
  readonly unsupported?: UnsupportedFields;
}

const GROUP = 'admissionregistration.k8s.io';

/** Every admission plugin, in upstream's order: what ships first, what users bring last, quota the very last. */
export function admissionPlugins(options: AdmissionOptions): readonly AdmissionPlugin[] {
  const { live, access } = options;
  const compileConditions = conditionCompiler(access.authorizer);
  const mutating = new Registrations(live.of(`mutatingwebhookconfigurations.${GROUP}`), compileConditions);
  const validating = new Registrations(
    live.of(`validatingwebhookconfigurations.${GROUP}`),
    compileConditions,
  );
  const storageClasses = live.of('storageclasses.storage.k8s.io');
  return [
    namespaceLifecycle,
    limitRanger(live.of('limitranges')),
    serviceAccount,
    nodeRestriction,
    roleEscalation(options.access),
    taintNodesByCondition,
    certificateRequests(options.access),
    podSecurity(live.of('namespaces'), options.exemptions ?? NO_EXEMPTIONS),
    priority,
    defaultTolerationSeconds,
    defaultStorageClass(storageClasses),
    storageObjectInUseProtection,
    persistentVolumeClaimResize(storageClasses),
    runtimeClass,
    defaultIngressClass(live.of('ingressclasses.networking.k8s.io')),
    unsupportedByClass(options.unsupported ?? {}),
    mutatingPolicies(live, access.authorizer),
    mutatingWebhooks(mutating, options),
    validatingPolicies(live, access.authorizer),
    validatingWebhooks(validating, options),
    resourceQuota(live.of('resourcequotas'), access.clock),
  ];
}
