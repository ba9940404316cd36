import type { AdmissionPlugin } from '../admission.ts';
import { ask, type CallParts, wants } from './call.ts';
import type { Registrations } from './registrations.ts';

/** Calls validating webhooks all at once; of several that deny the first in order is heard. */
export function validatingWebhooks(
  registrations: Registrations,
  options: Omit<CallParts, 'type'>,
): AdmissionPlugin {
  const parts: CallParts = { ...options, type: 'validating' };
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: () => registrations.webhooks().length > 0,
    async validate(request) {
      const due = [];
      for (const webhook of registrations.webhooks()) {
        const as = await wants(webhook, request);
        if (as !== undefined) due.push({ webhook, as });
      }
      const asked = await Promise.allSettled(
        due.map(({ webhook, as }, index) => ask(parts, webhook, { request, as, index })),
      );
      const denied = asked.find((one) => one.status === 'rejected');
      if (denied !== undefined) throw denied.reason;
    },
  };
}
