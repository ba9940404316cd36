import { silentLogger } from '../../lib/log.ts';
import type { AdmissionPlugin } from '../admission/admission.ts';
import { type AdmissionOptions, admissionPlugins } from '../admission/all.ts';
import { noConditions } from '../admission/webhooks/conditions.ts';
import type { LiveView } from '../live.ts';
import { createWebhookCaller } from '../webhooks/caller.ts';
import { createServiceLookup } from '../webhooks/service-lookup.ts';
import { liveOf } from './live-of.ts';

/** Every plugin, as a server has them, for a test. */
export function allPlugins(
  live: LiveView = liveOf({}),
  options: Partial<AdmissionOptions> = {},
): readonly AdmissionPlugin[] {
  return admissionPlugins({
    live,
    caller: createWebhookCaller(createServiceLookup(live)),
    log: silentLogger(),
    compileConditions: noConditions,
    ...options,
  });
}
