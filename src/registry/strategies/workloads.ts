import { equalJson } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { fromLabelSelector, type LabelSelector, matchesLabels } from '../../api/label-selector.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid, required } from '../field-errors.ts';
import { part } from '../fields.ts';
import { templateDefaults } from '../pod/defaults.ts';
import { validatePodSpec } from '../pod/validate.ts';
import type { Strategy } from '../strategy.ts';

/** Kinds that make pods from a template and find them by a selector. */
export const workloads: readonly Strategy[] = [
  'deployments.apps',
  'replicasets.apps',
  'statefulsets.apps',
  'daemonsets.apps',
].map(workload);

function workload(resource: string): Strategy {
  return {
    resource,
    generation: true,
    defaults: templateDefaults,
    validate: validateWorkload,
    validateUpdate(object, old) {
      const selector = part(object, 'spec').selector;
      if (equalJson(selector, part(old, 'spec').selector)) return [];
      return [invalid('spec.selector', selector, 'field is immutable')];
    },
  };
}

function validateWorkload(object: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(object, 'spec');
  const template = part(spec, 'template');
  const details: ErrorDetail[] = validatePodSpec(part(template, 'spec'), 'spec.template.spec');
  const { replicas } = spec;
  if (typeof replicas === 'number' && replicas < 0)
    details.push(invalid('spec.replicas', replicas, 'must be greater than or equal to 0'));
  const selector = part(spec, 'selector');
  if (Object.keys(selector).length === 0) return [...details, required('spec.selector')];
  const labels = part(part(template, 'metadata'), 'labels');
  // The schema has conformed both: a LabelSelector and a map of strings.
  const matches = matchesLabels(
    fromLabelSelector(selector as LabelSelector),
    labels as Record<string, string>,
  );
  if (!matches)
    details.push(
      invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'),
    );
  const policy = part(template, 'spec').restartPolicy;
  if (policy !== undefined && policy !== 'Always')
    details.push({
      reason: 'FieldValueNotSupported',
      field: 'spec.template.spec.restartPolicy',
      message: `Unsupported value: ${JSON.stringify(policy)}: supported values: "Always"`,
    });
  return details;
}
