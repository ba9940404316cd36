import { apiServiceController } from './api-service/reconcile.ts';
import { certificatesController } from './certificates/reconcile.ts';
import { clusterRoleAggregationController } from './cluster-role-aggregation/reconcile.ts';
import type { Controller, ControllerParts } from './controller.ts';
import { crdController } from './crd/reconcile.ts';
import { disruptionController } from './disruption/reconcile.ts';
import { eventExpiryController } from './event-expiry/reconcile.ts';
import { flowSchemaController } from './flow-schema/reconcile.ts';
import { garbageCollector } from './garbage-collector/reconcile.ts';
import { namespaceController } from './namespace/reconcile.ts';
import { nodeLifecycleController } from './node-lifecycle/reconcile.ts';
import { podGarbageController } from './pod-garbage/reconcile.ts';
import { policyStatusController } from './policy-status/reconcile.ts';
import { pvProtectionController } from './pv-protection/reconcile.ts';
import { pvcProtectionController } from './pvc-protection/reconcile.ts';
import { resourceQuotaController } from './resource-quota/reconcile.ts';
import { serviceAccountController } from './service-account/reconcile.ts';
import { serviceAccountTokenController } from './service-account-token/reconcile.ts';

/** Every controller of the server. */
export const CONTROLLERS: readonly ((parts: ControllerParts) => Controller)[] = [
  namespaceController,
  crdController,
  apiServiceController,
  clusterRoleAggregationController,
  certificatesController,
  serviceAccountController,
  serviceAccountTokenController,
  nodeLifecycleController,
  podGarbageController,
  pvcProtectionController,
  pvProtectionController,
  policyStatusController,
  resourceQuotaController,
  garbageCollector,
  flowSchemaController,
  eventExpiryController,
  disruptionController,
];
