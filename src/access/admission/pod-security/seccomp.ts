import { type CheckPod, named, namesOf, plural, quoted, setters, sorted } from './check.ts';

const POD_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod';
const CONTAINER_ANNOTATION = 'container.seccomp.security.alpha.kubernetes.io/';
const REASON = 'seccompProfile';

/** As it was before there was a field. */
export const seccompByAnnotation: CheckPod = ({ metadata, containers }) => {
  const keys = [POD_ANNOTATION, ...containers.map(({ name }) => `${CONTAINER_ANNOTATION}${name}`)];
  const bad = sorted(
    keys.flatMap((key) => {
      const value = metadata.annotations?.[key];
      return value === undefined || isUsual(value) ? [] : [`${key}=${JSON.stringify(value)}`];
    }),
  );
  if (bad.length === 0) return undefined;
  return { reason: REASON, detail: `forbidden ${plural('annotation', bad.length)} ${bad.join(', ')}` };
};

function isUsual(profile: string): boolean {
  return profile === 'runtime/default' || profile === 'docker/default' || profile.startsWith('localhost/');
}

function isGood(type: string): boolean {
  return type === 'RuntimeDefault' || type === 'Localhost';
}

export const seccompBaseline: CheckPod = (pod) => {
  const isBad = (type: string | undefined): type is string => type !== undefined && !isGood(type);
  const own = pod.spec.securityContext?.seccompProfile?.type;
  const bad = namesOf(pod, ({ securityContext }) => isBad(securityContext?.seccompProfile?.type));
  const who = setters(isBad(own), bad);
  if (who.length === 0) return undefined;
  const types = [own, ...pod.containers.map(({ securityContext }) => securityContext?.seccompProfile?.type)];
  const values = quoted(sorted(types.filter(isBad)));
  const detail = `${who.join(' and ')} must not set securityContext.seccompProfile.type to ${values}`;
  return { reason: REASON, detail };
};

/** A profile must be set, and a good one. */
export const seccompRestricted: CheckPod = (pod) => {
  const explicit = seccompBaseline(pod);
  if (explicit !== undefined) return explicit;
  if (pod.spec.securityContext?.seccompProfile !== undefined) return undefined;
  const missing = namesOf(pod, ({ securityContext }) => securityContext?.seccompProfile === undefined);
  if (missing.length === 0) return undefined;
  const detail = `pod or ${named('container', missing)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`;
  return { reason: REASON, detail };
};
