import type { Strategy } from '../strategy.ts';
import { admissionPolicies } from './admission-policies.ts';
import { admissionPolicyBindings } from './admission-policy-bindings.ts';
import { apiServices } from './api-services.ts';
import { certificateSigningRequests } from './certificate-signing-requests.ts';
import { configMaps } from './config-maps.ts';
import { customResourceDefinitions } from './custom-resource-definitions.ts';
import { flowControl } from './flow-control.ts';
import { limitRanges } from './limit-ranges.ts';
import { namespaces } from './namespaces.ts';
import { pods } from './pods.ts';
import { rbac } from './rbac.ts';
import { secrets } from './secrets.ts';
import { services } from './services.ts';
import { simple } from './simple.ts';
import { workloads } from './workloads.ts';

/** Every kind that needs more than its schema says. */
export function allStrategies(): readonly Strategy[] {
  return [
    namespaces,
    pods,
    services,
    secrets,
    configMaps,
    customResourceDefinitions,
    limitRanges,
    apiServices,
    certificateSigningRequests,
    ...flowControl,
    ...workloads,
    ...rbac,
    ...simple,
    ...admissionPolicies,
    ...admissionPolicyBindings,
  ];
}
