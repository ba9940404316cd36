import type { SubjectRbacV1 } from '../../../api/types.generated.ts';

export type Subject = SubjectRbacV1;

/** Under which name of a caller, or of a group of the caller, a binding's subject is found. */
export function subjectKey(subject: Subject, bindingNamespace: string): { isGroup: boolean; name: string } {
  if (subject.kind === 'Group') return { isGroup: true, name: subject.name };
  if (subject.kind !== 'ServiceAccount') return { isGroup: false, name: subject.name };
  const namespace = subject.namespace || bindingNamespace;
  return { isGroup: false, name: serviceAccountName(namespace, subject.name) };
}

/** As the reason of an allowed request says it. */
export function describeSubject(subject: Subject, bindingNamespace: string): string {
  const { kind, name } = subject;
  if (kind !== 'ServiceAccount') return `${kind} "${name}"`;
  return `${kind} "${name}/${subject.namespace || bindingNamespace}"`;
}

export function serviceAccountName(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}
