import type { JsonObject } from '../../api/json.ts';
import { annotationDetails, labelDetails } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { forbidden } from '../field-errors.ts';
import { items, part } from '../fields.ts';
import { validatePodSpec } from './validate.ts';

/** What upstream's ValidatePodTemplateSpec checks: what pods of it will be, and their labels and annotations. */
export function validatePodTemplate(template: JsonObject, path: string): ErrorDetail[] {
  const metadata = part(template, 'metadata');
  const spec = part(template, 'spec');
  // The schema has conformed both: maps of strings.
  const labels = part(metadata, 'labels') as Record<string, string>;
  const annotations = part(metadata, 'annotations') as Record<string, string>;
  const details = [
    ...labelDetails(labels, `${path}.labels`),
    ...annotationDetails(annotations, `${path}.annotations`),
    ...validatePodSpec(spec, `${path}.spec`),
  ];
  if (items(spec, 'ephemeralContainers').length > 0)
    details.push(
      forbidden(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'),
    );
  return details;
}
