import type { AdmissionRequest } from '../admission.ts';
import type { Binding } from './compile.ts';
import type { Failure } from './validate-one.ts';

/** What policies note in the audit log; what several bindings give one key stands there once each. */
export class AnnotationCollector {
  readonly #values = new Map<string, Set<string>>();

  add(key: string, value: string): void {
    const known = this.#values.get(key);
    if (known === undefined) this.#values.set(key, new Set([value]));
    else known.add(value);
  }

  publish(request: AdmissionRequest): void {
    for (const [key, values] of this.#values) request.annotate(key, [...values].join(', '));
  }
}

/** The binding's action `Audit`. */
export function auditFailure(
  request: AdmissionRequest,
  {
    policy,
    binding,
    failure,
  }: { readonly policy: { readonly name: string }; readonly binding: Binding; readonly failure: Failure },
): void {
  const value = {
    message: failure.message,
    policy: policy.name,
    binding: binding.name,
    expressionIndex: failure.index,
    validationActions: binding.actions,
  };
  request.annotate('validation.policy.admission.k8s.io/validation_failure', JSON.stringify([value]));
}
