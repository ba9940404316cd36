import type { ApiObject, Kind } from '../../../api/kind.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import type { LiveView } from '../../live.ts';
import type { AdmissionRequest } from '../admission.ts';
import { isExempt } from '../match-rules.ts';
import type { Binding, Policy, PolicyParts } from './compile.ts';
import { matches } from './match.ts';
import { collectParams, mustFindKind, type Param } from './params.ts';
import type { Bound } from './policies.ts';

/** A policy that a binding calls for on a request, with one parameter object. */
export interface Invocation<Body> {
  readonly policy: Policy<Body>;
  readonly parts: PolicyParts<Body>;
  readonly binding: Binding;
  readonly as: Kind;
  readonly param: Param;
}

/** What is wrong with a policy or a binding, so that it cannot be evaluated. */
export interface Misfit {
  readonly policy: { readonly name: string; readonly failsOpen: boolean };
  /** Left out: the policy itself is wrong. */
  readonly binding?: Binding;
  readonly message: string;
}

export interface Called<Body> {
  readonly invocations: readonly Invocation<Body>[];
  readonly misfits: readonly Misfit[];
}

/** Who is to be evaluated for the request, in order. */
export async function callFor<Body>(
  bound: readonly Bound<Policy<Body>, Binding>[],
  request: AdmissionRequest,
  live: LiveView,
): Promise<Called<Body>> {
  const invocations: Invocation<Body>[] = [];
  const misfits: Misfit[] = [];
  if (isExempt(request)) return { invocations, misfits };
  for (const { policy, bindings } of bound) {
    try {
      const as = await matches(policy.match, request);
      if (as === undefined) continue;
      const parts = mustWork(request, policy);
      for (const binding of bindings) {
        try {
          if ((await matches(binding.match, request)) === undefined) continue;
          const wanted = { kind: policy.paramKind, ref: binding.paramRef };
          for (const param of await collectParams(live, request, wanted))
            invocations.push({ policy, parts, binding, as, param });
        } catch (error) {
          const message = `failed to configure binding: ${AmphoraError.from(error).message}`;
          misfits.push({ policy, binding, message });
        }
      }
    } catch (error) {
      misfits.push({ policy, message: `failed to configure policy: ${AmphoraError.from(error).message}` });
    }
  }
  return { invocations, misfits };
}

/** @throws Invalid for a policy that cannot be evaluated */
function mustWork<Body>(request: AdmissionRequest, policy: Policy<Body>): PolicyParts<Body> {
  if (policy.parts === undefined) throw new AmphoraError('Invalid', policy.broken);
  if (policy.paramKind !== undefined) mustFindKind(request, policy.paramKind);
  return policy.parts;
}

/** The request's namespace; undefined for what has none, and for a namespace itself. @throws NotFound */
export async function namespaceObject(request: AdmissionRequest): Promise<Readonly<ApiObject> | undefined> {
  const { kind, namespace, reader, signal } = request;
  if (namespace === '' || (kind.group === '' && kind.resource === 'namespaces')) return undefined;
  const found = await reader.get('namespaces', { namespace: '', name: namespace }, signal);
  if (found === undefined)
    throw new AmphoraError('NotFound', `namespaces ${JSON.stringify(namespace)} not found`, {
      about: { group: '', kind: 'namespaces', name: namespace },
    });
  return found;
}
