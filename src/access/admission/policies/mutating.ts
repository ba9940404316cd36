import type { ApiObject } from '../../../api/kind.ts';
import type { MutatingAdmissionPolicySpec, Mutation } from '../../../api/types.generated.ts';
import type { Program } from '../../../cel/cel.ts';
import {
  APPLY_CONFIGURATION,
  compilePolicyExpression,
  type Environment,
  JSON_PATCH,
} from '../../../cel/policy-environment.ts';
import { listOf } from '../../../cel/types.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import type { Authorizer } from '../../authz/authorizer.ts';
import type { LiveView } from '../../live.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { rewrite } from '../rewrite.ts';
import { Rounds } from '../rounds.ts';
import { activate, seen } from './activation.ts';
import { Answers } from './answers.ts';
import { compileBinding, compilePolicy, type Policy } from './compile.ts';
import { holdAll } from './conditions.ts';
import { callFor, type Invocation, type Misfit, namespaceObject } from './invocations.ts';
import { applyMutation } from './mutation.ts';
import { Policies } from './policies.ts';

/** What a MutatingAdmissionPolicy has besides what all have. */
export interface Mutations {
  readonly isReinvocable: boolean;
  readonly mutations: readonly CompiledMutation[];
}

export interface CompiledMutation {
  readonly type: 'ApplyConfiguration' | 'JSONPatch';
  readonly program: Program;
}

function compileMutatingPolicy(object: Readonly<ApiObject>): Policy<Mutations> {
  const spec = (object.spec ?? {}) as MutatingAdmissionPolicySpec; // The registry conformed it.
  return compilePolicy(object, {
    patches: true,
    body: (environment) => ({
      isReinvocable: spec.reinvocationPolicy === 'IfNeeded',
      mutations: (spec.mutations ?? []).map((mutation) => compileMutation(mutation, environment)),
    }),
  });
}

function compileMutation(
  { patchType, applyConfiguration, jsonPatch }: Mutation,
  environment: Environment,
): CompiledMutation {
  if (patchType === 'JSONPatch') {
    const program = compilePolicyExpression(jsonPatch?.expression ?? '', environment, [listOf(JSON_PATCH)]);
    return { type: 'JSONPatch', program };
  }
  const source = applyConfiguration?.expression ?? '';
  return {
    type: 'ApplyConfiguration',
    program: compilePolicyExpression(source, environment, [APPLY_CONFIGURATION]),
  };
}

const NAME = 'MutatingAdmissionPolicy';
const GROUP = 'admissionregistration.k8s.io';

/** https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/ */
export function mutatingPolicies(live: LiveView, authorizer: () => Authorizer): AdmissionPlugin {
  const policies = new Policies(
    {
      policies: live.of(`mutatingadmissionpolicies.${GROUP}`),
      bindings: live.of(`mutatingadmissionpolicybindings.${GROUP}`),
    },
    { policy: compileMutatingPolicy, binding: compileBinding },
  );
  return {
    name: NAME,
    handles: ({ operation }) => operation !== 'DELETE' && policies.bound().length > 0,
    async mutate(request) {
      const called = await callFor(policies.bound(), request, live);
      const misfits = [...called.misfits];
      if (called.invocations.length > 0)
        misfits.push(...(await mutateAll(called.invocations, request, authorizer)));
      const faults = misfits.filter(({ policy }) => !policy.failsOpen);
      if (faults.length > 0) throw failed(request, faults);
    },
  };
}

/** One after the other; each sees what the one before made. @returns what went wrong */
async function mutateAll(
  invocations: readonly Invocation<Mutations>[],
  request: AdmissionRequest,
  authorizer: () => Authorizer,
): Promise<Misfit[]> {
  const answers = new Answers(request, authorizer);
  const namespace = await namespaceObject(request);
  request.rounds ??= new Rounds();
  const rounds = request.rounds.of(NAME);
  rounds.begin(request.object);
  const misfits: Misfit[] = [];
  for (const invocation of invocations) {
    const { policy, binding, param, parts } = invocation;
    const id = JSON.stringify([policy.name, binding.name, param?.metadata.namespace, param?.metadata.name]);
    if (!rounds.isDue(id)) continue;
    try {
      const changed = await invoke(invocation, { request, answers, namespace });
      if (changed !== undefined) rounds.called(id, { changed, reinvocable: parts.isReinvocable });
    } catch (error) {
      misfits.push({ policy, binding, message: AmphoraError.from(error).message });
    }
  }
  rounds.end(request.object);
  return misfits;
}

/** Whether it changed the object; undefined: its conditions do not hold. @throws Invalid with what went wrong */
async function invoke(
  { parts, as, param, policy }: Invocation<Mutations>,
  at: {
    readonly request: AdmissionRequest;
    readonly answers: Answers;
    readonly namespace: Readonly<ApiObject> | undefined;
  },
): Promise<boolean | undefined> {
  const { request, answers, namespace } = at;
  const options = { answers, params: param, variables: parts.variables };
  const first = await seen(request, as, namespace);
  if (!(await answers.settle(() => holdAll(parts.conditions, activate(first, options))))) return undefined;
  let changed = false;
  for (const mutation of parts.mutations) {
    const objects = await seen(request, as, namespace);
    const made = await answers.settle(() =>
      applyMutation(mutation, activate(objects, options), { request, as }),
    );
    if (made === undefined) continue;
    const by = `MutatingAdmissionPolicy '${policy.name}'`;
    changed = (await rewrite(request, made, { as, by })) || changed;
  }
  return changed;
}

function failed(request: AdmissionRequest, misfits: readonly Misfit[]): AmphoraError {
  const texts = misfits.map(({ policy, binding, message }) => {
    const by = binding === undefined ? '' : ` with binding '${binding.name}'`;
    return `policy '${policy.name}'${by} denied request: ${message}`;
  });
  const { kind, name } = request;
  return new AmphoraError('Forbidden', texts[0] ?? '', {
    told: { status: 403, reason: 'Invalid' },
    about: { group: kind.group, kind: kind.resource, name },
    details: texts.map((message) => ({ reason: '', field: '', message })),
  });
}
