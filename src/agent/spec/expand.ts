/**
 * Kubernetes' `$(NAME)` expansion: a known name becomes its value, an unknown reference stays as it is, and
 * `$$` is a literal dollar, so `$$(NAME)` is never expanded.
 * https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#entrypoint
 */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  return text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (lookup(name) ?? whole),
  );
}
