import { randomBytes } from 'node:crypto';
import { isJsonObject, type JsonObject } from '../../../api/json.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { createsPod, forbidden } from '../faults.ts';
import { listAt, objectAt, objectsAt, textAt } from '../fields.ts';

const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
/** An hour, and the seven seconds by which upstream knows its own tokens. */
const TOKEN_SECONDS = 3607;
const MIRROR_POD = 'kubernetes.io/config.mirror';

/**
 * A pod runs as a service account that exists, and every container that does not opt out finds the account's token
 * where client libraries look.
 */
export const serviceAccount: AdmissionPlugin = {
  name: 'ServiceAccount',
  handles: createsPod,
  async mutate(request) {
    if (request.object.metadata.annotations?.[MIRROR_POD] !== undefined) return;
    const spec = objectAt(request.object, 'spec');
    const name = textAt(spec, 'serviceAccountName') || 'default';
    spec.serviceAccountName = name;
    spec.serviceAccount = name;
    const { namespace, reader, signal } = request;
    const account = await reader.get('serviceaccounts', { namespace, name }, signal);
    if (account === undefined)
      throw forbidden(
        request,
        `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
      );
    if (wantsToken(spec, account)) mountToken(spec);
    const secrets = objectsAt(account, 'imagePullSecrets');
    if (objectsAt(spec, 'imagePullSecrets').length === 0 && secrets.length > 0)
      spec.imagePullSecrets = secrets.map((secret) => ({ ...secret }));
  },
  async validate(request) {
    if (request.object.metadata.annotations?.[MIRROR_POD] === undefined) return;
    const why = mirrorFault(objectAt(request.object, 'spec'));
    if (why !== undefined) throw forbidden(request, why);
  },
};

/** What a node shows of its own may not use what the API keeps. */
function mirrorFault(spec: JsonObject): string | undefined {
  if (textAt(spec, 'serviceAccountName') !== '') return 'a mirror pod may not reference service accounts';
  const volumes = objectsAt(spec, 'volumes');
  const containers = [...objectsAt(spec, 'initContainers'), ...objectsAt(spec, 'containers')];
  const reads = containers.some(
    (container) =>
      objectsAt(container, 'envFrom').some(({ secretRef }) => secretRef !== undefined) ||
      objectsAt(container, 'env').some(
        ({ valueFrom }) => isJsonObject(valueFrom) && valueFrom.secretKeyRef !== undefined,
      ),
  );
  if (reads || volumes.some(({ secret }) => secret !== undefined))
    return 'a mirror pod may not reference secrets';
  const projected = volumes.flatMap(({ projected: value }) =>
    isJsonObject(value) ? objectsAt(value, 'sources') : [],
  );
  return projected.some(({ serviceAccountToken }) => serviceAccountToken !== undefined)
    ? 'a mirror pod may not use ServiceAccountToken volume projections'
    : undefined;
}

function wantsToken(spec: JsonObject, account: AdmissionRequest['object'] | Readonly<JsonObject>): boolean {
  const own = spec.automountServiceAccountToken;
  if (typeof own === 'boolean') return own;
  return account.automountServiceAccountToken !== false;
}

function mountToken(spec: JsonObject): void {
  const containers = [...objectsAt(spec, 'initContainers'), ...objectsAt(spec, 'containers')];
  const wanting = containers.filter(
    (container) => !objectsAt(container, 'volumeMounts').some((mount) => mount.mountPath === MOUNT_PATH),
  );
  if (wanting.length === 0) return;
  const volumes = objectsAt(spec, 'volumes');
  const known = volumes.find((volume) => isTokenVolume(volume));
  const name =
    known === undefined
      ? `kube-api-access-${randomBytes(3).toString('hex').slice(0, 5)}`
      : textAt(known, 'name');
  if (known === undefined) listAt(spec, 'volumes').push(tokenVolume(name));
  for (const container of wanting)
    listAt(container, 'volumeMounts').push({ name, readOnly: true, mountPath: MOUNT_PATH });
}

function isTokenVolume(volume: JsonObject): boolean {
  return textAt(volume, 'name').startsWith('kube-api-access-') && isJsonObject(volume.projected);
}

/** https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-token-volume */
function tokenVolume(name: string): JsonObject {
  const fieldRef = { apiVersion: 'v1', fieldPath: 'metadata.namespace' };
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef }] } },
      ],
    },
  };
}
