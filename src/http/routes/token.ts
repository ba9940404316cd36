import type { NamedObject } from '../../access/authn/service-account-claims.ts';
import type { BoundObject } from '../../access/authn/service-account-tokens.ts';
import { nodeOf } from '../../access/authz/node.ts';
import { toTime } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { decodeBody } from '../body/decode.ts';
import { objectBody } from '../body/object-body.ts';
import type { Exchange } from '../exchange.ts';
import type { Services } from '../services.ts';
import { noSuchResource } from '../status.ts';
import { answerValue } from '../verbs/answer.ts';
import { contextOf, kindOf, targetOf } from '../verbs/context.ts';
import type { ObjectRoute } from './route.ts';

const DEFAULT_SECONDS = 3600;

interface TokenSpec {
  readonly audiences?: readonly string[];
  readonly expirationSeconds?: number;
  readonly boundObjectRef?: { kind?: string; name?: string; uid?: string };
}

/** `POST …/serviceaccounts/NAME/token`: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/ */
export async function createToken(services: Services, exchange: Exchange, route: ObjectRoute): Promise<void> {
  const { tokens, registry } = services;
  if (tokens === undefined) throw noSuchResource();
  const target = targetOf(kindOf(services, route), route);
  const object = objectBody(await decodeBody(exchange, services.protobuf), target);
  const body = await registry.admit(contextOf(exchange), target, { operation: 'CREATE', object });
  const spec = specOf(body.spec);
  const { subresource: _, ...accountTarget } = target;
  const account = await registry.get(contextOf(exchange), accountTarget, {});
  const { name, uid = '' } = account.object().metadata;
  const found = await boundOf(services, exchange, { spec, namespace: route.namespace });
  refuseForeignNode(exchange, { found, account: name });
  const { token, expiresAt } = await tokens.issue({
    namespace: route.namespace,
    serviceAccount: { name, uid },
    audiences: spec.audiences ?? [],
    expirationSeconds: spec.expirationSeconds ?? DEFAULT_SECONDS,
    ...(found === undefined ? {} : { bound: found.bound }),
    ...(found?.node === undefined ? {} : { node: found.node }),
  });
  const value = {
    ...body,
    metadata: { name, namespace: route.namespace, creationTimestamp: null },
    spec: {
      ...spec,
      audiences: spec.audiences?.length ? spec.audiences : [tokens.issuer],
      expirationSeconds: spec.expirationSeconds ?? DEFAULT_SECONDS,
    },
    status: { token, expirationTimestamp: toTime(expiresAt) },
  };
  await answerValue(services, exchange, { status: 201, value });
}

interface Found {
  readonly bound: BoundObject;
  readonly node?: NamedObject;
  /** Of a pod. */
  readonly nodeName?: string;
  readonly account?: string;
}

async function boundOf(
  services: Services,
  exchange: Exchange,
  { spec, namespace }: { spec: TokenSpec; namespace: string },
): Promise<Found | undefined> {
  const reference = spec.boundObjectRef;
  if (reference?.kind === undefined || reference.name === undefined) return undefined;
  const { kind: kindName, name } = reference;
  if (kindName !== 'Pod' && kindName !== 'Secret' && kindName !== 'Node')
    throw new AmphoraError('BadRequest', `cannot bind token to object of type ${JSON.stringify(kindName)}`);
  const object = await lookUp(services, exchange, { kindName, namespace, name });
  const uid = object.metadata.uid ?? '';
  if (reference.uid && reference.uid !== uid)
    throw new AmphoraError(
      'Conflict',
      `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  const bound: BoundObject = { kind: kindName, name, uid };
  if (kindName !== 'Pod') return { bound };
  const podSpec = object.spec as { nodeName?: string; serviceAccountName?: string } | undefined; // The schema's.
  const nodeName = podSpec?.nodeName;
  const node =
    nodeName === undefined
      ? undefined
      : await lookUp(services, exchange, { kindName: 'Node', namespace, name: nodeName });
  return {
    bound,
    ...(node === undefined ? {} : { node: { name: node.metadata.name, uid: node.metadata.uid ?? '' } }),
    ...(nodeName === undefined ? {} : { nodeName }),
    account: podSpec?.serviceAccountName ?? 'default',
  };
}

async function lookUp(
  services: Services,
  exchange: Exchange,
  at: { kindName: string; namespace: string; name: string },
) {
  const kind = services.registry.kinds.byKind('v1', at.kindName);
  if (kind === undefined) throw noSuchResource();
  const namespace = kind.namespaced ? at.namespace : '';
  const found = await services.registry.get(contextOf(exchange), { kind, namespace, name: at.name }, {});
  return found.object();
}

/** A node may have tokens only for pods bound to it, as upstream's NodeRestriction has it. */
function refuseForeignNode(
  exchange: Exchange,
  { found, account }: { found: Found | undefined; account: string },
) {
  const node = nodeOf(exchange.user);
  if (node === undefined) return;
  if (found?.bound.kind === 'Pod' && found.nodeName === node && found.account === account) return;
  throw new AmphoraError('Forbidden', `node ${node} may ask only for tokens bound to pods that run on it`);
}

function specOf(value: unknown): TokenSpec {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object') throw new AmphoraError('BadRequest', 'spec must be an object');
  const { audiences, expirationSeconds } = value as Record<string, unknown>; // Checked here, field by field.
  if (
    audiences !== undefined &&
    !(Array.isArray(audiences) && audiences.every((one) => typeof one === 'string'))
  )
    throw new AmphoraError('BadRequest', 'spec.audiences must be a list of strings');
  if (expirationSeconds !== undefined && expirationSeconds !== null && typeof expirationSeconds !== 'number')
    throw new AmphoraError('BadRequest', 'spec.expirationSeconds must be a whole number');
  return value as TokenSpec;
}
