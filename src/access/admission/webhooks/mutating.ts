import { isJsonObject } from '../../../api/json.ts';
import { jsonPatch } from '../../../api/json-patch.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import { LIMITS } from '../../../lib/limits.ts';
import { isDeep } from '../../webhooks/caller.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { rewrite } from '../rewrite.ts';
import { Rounds } from '../rounds.ts';
import { ask, type CallParts, wants } from './call.ts';
import type { Webhook } from './compile.ts';
import type { Registrations } from './registrations.ts';

const NAME = 'MutatingAdmissionWebhook';

/** Calls mutating webhooks one after the other; each sees what the one before made. */
export function mutatingWebhooks(
  registrations: Registrations,
  options: Omit<CallParts, 'type'>,
): AdmissionPlugin {
  const parts: CallParts = { ...options, type: 'mutating' };
  return {
    name: NAME,
    handles: () => registrations.webhooks().length > 0,
    async mutate(request) {
      let began = false;
      for (const [index, webhook] of registrations.webhooks().entries()) {
        const as = await wants(webhook, request);
        if (as === undefined) continue;
        request.rounds ??= new Rounds();
        const rounds = request.rounds.of(NAME);
        if (!began) rounds.begin(request.object);
        began = true;
        if (!rounds.isDue(webhook.id)) continue;
        const answer = await ask(parts, webhook, { request, as, index });
        if (answer === undefined) continue;
        const made = patched(webhook, { request, patch: answer.patch, body: answer.body });
        const changed = made !== undefined && (await rewrite(request, made, { as, by: by(webhook) }));
        annotate(request, { webhook, changed, index });
        rounds.called(webhook.id, { changed, reinvocable: webhook.isReinvocable });
      }
      if (began) request.rounds?.of(NAME).end(request.object);
    },
  };
}

function by({ name }: Webhook): string {
  return `admission webhook ${JSON.stringify(name)}`;
}

/** The patched object, or undefined where there is nothing to patch. @throws Internal for a patch that is none. */
function patched(
  webhook: Webhook,
  at: {
    readonly request: AdmissionRequest;
    readonly patch: readonly unknown[] | undefined;
    readonly body: object | null;
  },
): unknown {
  const { patch, body } = at;
  if (patch === undefined || patch.length === 0) return undefined;
  if (body === null)
    throw new AmphoraError(
      'Internal',
      `${by(webhook)} attempted to modify the object, which is not supported for this operation`,
    );
  if (isDeep(patch)) throw new AmphoraError('Internal', `${by(webhook)} sent a patch that is too deep`);
  let made: unknown;
  try {
    made = jsonPatch(body, patch);
  } catch (error) {
    throw new AmphoraError('Internal', `${by(webhook)}: ${AmphoraError.from(error).message}`, {
      cause: error,
    });
  }
  if (!isJsonObject(made) || isDeep(made))
    throw new AmphoraError('Internal', `${by(webhook)} made something that is no object, or too deep`);
  if (JSON.stringify(made).length > LIMITS.requestBodyBytes)
    throw new AmphoraError(
      'Internal',
      `${by(webhook)} made the object larger than ${LIMITS.requestBodyBytes} bytes`,
    );
  return made;
}

function annotate(
  request: AdmissionRequest,
  { webhook, changed, index }: { webhook: Webhook; changed: boolean; index: number },
): void {
  const round = request.rounds?.isSecond === true ? 1 : 0;
  const value = { configuration: webhook.configuration, webhook: webhook.name, mutated: changed };
  request.annotate(`mutation.webhook.admission.k8s.io/round_${round}_index_${index}`, JSON.stringify(value));
}
