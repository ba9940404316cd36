import type { Strategy } from '../strategy.ts';
import { admissionPolicies } from './admission-policies.ts';
import { admissionPolicyBindings } from './admission-policy-bindings.ts';
import { apiServices } from './api-services.ts';
import { autoscalers } from './autoscalers.ts';
import { certificateSigningRequests } from './certificate-signing-requests.ts';
import { classes } from './classes.ts';
import { configMaps } from './config-maps.ts';
import { customResourceDefinitions } from './custom-resource-definitions.ts';
import { disruptionBudgets } from './disruption-budgets.ts';
import { endpoints } from './endpoints.ts';
import { events } from './events.ts';
import { flowControl } from './flow-control.ts';
import { ingresses } from './ingresses.ts';
import { cronJobs, jobs } from './jobs.ts';
import { leases } from './leases.ts';
import { limitRanges } from './limit-ranges.ts';
import { namespaces } from './namespaces.ts';
import { networkPolicies } from './network-policies.ts';
import { nodes } from './nodes.ts';
import { pods } from './pods.ts';
import { quotas } from './quotas.ts';
import { rbac } from './rbac.ts';
import { secrets } from './secrets.ts';
import { services } from './services.ts';
import { simple } from './simple.ts';
import { volumes } from './volumes.ts';
import { webhookConfigurations } from './webhook-configurations.ts';
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
    nodes,
    jobs,
    cronJobs,
    autoscalers,
    disruptionBudgets,
    networkPolicies,
    leases,
    events,
    ...workloads,
    ...volumes,
    ...ingresses,
    ...endpoints,
    ...classes,
    quotas,
    ...rbac,
    ...simple,
    ...admissionPolicies,
    ...admissionPolicyBindings,
    ...webhookConfigurations,
  ];
}
