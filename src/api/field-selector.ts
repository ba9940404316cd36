import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { isJsonObject, memberOf } from './json.ts';
import { type Kind, qualifiedResource } from './kind.ts';

/** All terms must hold. */
export type FieldSelector = readonly FieldTerm[];

export interface FieldTerm {
  /** `status.phase` */
  readonly path: string;
  readonly equal: boolean;
  readonly value: string;
}

const META = ['metadata.name', 'metadata.namespace'];

const EVENT_OBJECT = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

/** What upstream can select by, besides name and namespace. */
const SUPPORTED: Readonly<Record<string, readonly string[]>> = {
  pods: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.podIPs',
    'status.nominatedNodeName',
  ],
  nodes: ['spec.unschedulable'],
  namespaces: ['status.phase'],
  secrets: ['type'],
  services: ['spec.clusterIP', 'spec.type'],
  replicationcontrollers: ['status.replicas'],
  events: [
    ...EVENT_OBJECT.map((each) => `involvedObject.${each}`),
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  'events.events.k8s.io': [
    ...EVENT_OBJECT.map((each) => `regarding.${each}`),
    'reason',
    'reportingController',
    'type',
  ],
  'replicasets.apps': ['status.replicas'],
  'jobs.batch': ['status.successful'],
  'certificatesigningrequests.certificates.k8s.io': ['spec.signerName'],
  'resourceslices.resource.k8s.io': ['spec.driver', 'spec.nodeName'],
};

/** Older names that mean another field. */
const ALIASES: Readonly<Record<string, string>> = {
  'pods spec.host': 'spec.nodeName',
  'pods status.podIPs': 'status.podIP',
};

/** What a missing field counts as. */
const MISSING: Readonly<Record<string, string>> = {
  'spec.unschedulable': 'false',
  'spec.hostNetwork': 'false',
  'status.replicas': '0',
  'status.successful': '0',
};

/** `metadata.name=a,status.phase!=Running`. @throws BadRequest in upstream's words. */
export function parseFieldSelector(kind: Kind, text: string): FieldSelector {
  const parts = text.split(/(?<!\\),/).filter((part) => part !== '');
  if (parts.length > LIMITS.selectorTerms) {
    throw new AmphoraError('BadRequest', `the field selector has more than ${LIMITS.selectorTerms} terms`);
  }
  return parts.map((part) => supported(kind, parseTerm(part, text)));
}

export function matchesFields(selector: FieldSelector, object: Readonly<Record<string, unknown>>): boolean {
  return selector.every(({ path, equal, value }) => (fieldValue(object, path) === value) === equal);
}

/** The field as the text a selector compares with. */
export function fieldValue(object: Readonly<Record<string, unknown>>, path: string): string {
  if (path === 'source') return at(object, 'source.component') || at(object, 'reportingComponent');
  if (path === 'status.successful') return at(object, 'status.succeeded') || '0';
  return at(object, path) || (MISSING[path] ?? '');
}

function at(object: Readonly<Record<string, unknown>>, path: string): string {
  let value: unknown = object;
  for (const key of path.split('.')) value = isJsonObject(value) ? memberOf(value, key) : undefined;
  return value === undefined || value === null ? '' : String(value);
}

function parseTerm(part: string, text: string): FieldTerm {
  const match = /^((?:[^=!\\]|\\.)+)(==|!=|=)((?:[^=\\]|\\.)*)$/.exec(part);
  const [, path, operator, value] = match ?? [];
  if (path === undefined || value === undefined) {
    throw new AmphoraError('BadRequest', `invalid selector: '${text}'; can't understand '${part}'`);
  }
  return { path: path.trim(), equal: operator !== '!=', value: value.replace(/\\([\\,=])/g, '$1') };
}

function supported(kind: Kind, term: FieldTerm): FieldTerm {
  const resource = qualifiedResource(kind);
  const path = ALIASES[`${resource} ${term.path}`] ?? term.path;
  const own = SUPPORTED[resource] ?? kind.selectableFields;
  if (META.includes(path) || own?.includes(path) === true) return { ...term, path };
  const message =
    own === undefined
      ? `"${path}" is not a known field selector: only "metadata.name", "metadata.namespace"`
      : `field label not supported: ${path}`;
  throw new AmphoraError('BadRequest', message);
}
