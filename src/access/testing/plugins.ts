import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import type { AdmissionPlugin } from '../admission/admission.ts';
import { type AdmissionOptions, admissionPlugins } from '../admission/all.ts';
import { chain } from '../authz/all.ts';
import { createRbac } from '../authz/rbac/rbac.ts';
import { allowSystemMasters } from '../authz/system-masters.ts';
import type { LiveView } from '../live.ts';
import { createWebhookCaller } from '../webhooks/caller.ts';
import { createServiceLookup } from '../webhooks/service-lookup.ts';
import { liveOf } from './live-of.ts';

/** Every plugin, as a server has them, for a test. */
export function allPlugins(
  live: LiveView = liveOf({}),
  options: Partial<AdmissionOptions> = {},
): readonly AdmissionPlugin[] {
  const rbac = createRbac(live);
  const authorizer = chain([allowSystemMasters, (user, asked) => rbac.authorize(user, asked)]);
  return admissionPlugins({
    live,
    access: { rbac, authorizer: () => authorizer, clock: systemClock },
    caller: createWebhookCaller(createServiceLookup(live)),
    log: silentLogger(),
    ...options,
  });
}
