/** What a field of a built-in definition allows and means when it is missing, where that is a constant. */
export interface FieldFacts {
  readonly enum?: readonly string[];
  readonly default?: unknown;
}

/**
 * Facts of upstream that the OpenAPI document leaves out, by definition without `io.k8s.api.` and by field.
 * Defaults that compute (an image tag's pull policy, a port's target) are code elsewhere.
 */
export const FIELD_FACTS: Readonly<Record<string, Readonly<Record<string, FieldFacts>>>> = {};
