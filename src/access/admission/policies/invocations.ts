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
    const as = await matches(policy.match, request);
    if (as === undefined) continue;
    const { parts } = policy;
    const fault = parts === undefined ? policy.broken : faultOf(request, policy);
    if (fault !== undefined || parts === undefined) {
      misfits.push({ policy, message: `failed to configure policy: ${fault}` });
      continue;
    }
    for (const binding of bindings) {
      if ((await matches(binding.match, request)) === undefined) continue;
      try {
        const params = await collectParams(live, request, { kind: policy.paramKind, ref: binding.paramRef });
        for (const param of params) invocations.push({ policy, parts, binding, as, param });
      } catch (error) {
        const { message } = AmphoraError.from(error);
        misfits.push({ policy, binding, message: `failed to configure binding: ${message}` });
      }
    }
  }
  return { invocations, misfits };
}

function faultOf(
  request: AdmissionRequest,
  { paramKind }: { readonly paramKind: Policy<unknown>['paramKind'] },
): string | undefined {
  if (paramKind === undefined) return undefined;
  try {
    mustFindKind(request, paramKind);
    return undefined;
  } catch (error) {
    return AmphoraError.from(error).message;
  }
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
