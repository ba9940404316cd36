import assert from 'node:assert/strict';
import { allPlugins } from '../../access/testing/plugins.ts';
import {
  startWebhook,
  type WebhookAnswer,
  type WebhookCall,
  type WebhookServer,
} from '../../access/webhooks/testing/webhook-server.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { waitFor } from './wait-for.ts';

export type Json = Record<string, unknown>;
export interface Review {
  readonly uid: string;
  readonly operation: string;
  readonly object: { apiVersion: string; metadata: Json; spec?: Json; data?: Json } | null;
  readonly [field: string]: unknown;
}
export interface Answered {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly metadata?: Json;
  readonly data?: Json;
  readonly details?: Json;
}

export const RULE = { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['*'] };
export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

/** A server with every plugin, and what a pod needs in the namespace. */
export async function start(): Promise<Fixture> {
  const api = await startFixture({ plugins: (live) => allPlugins(live) });
  const body = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
  assert.equal((await api.call('POST', '/api/v1/namespaces/default/serviceaccounts', { body })).status, 201);
  return api;
}

export function reviewOf(call: WebhookCall): Review {
  return call.body.request as Review; // What a webhook is sent.
}

export function respond(call: WebhookCall, response: Json): object {
  const { uid } = reviewOf(call);
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    response: { uid, allowed: true, ...response },
  };
}

export function patchOf(...operations: Json[]): Json {
  return { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') };
}

export interface Hook extends Json {
  readonly server?: WebhookServer;
}

export async function register(
  api: Fixture,
  type: 'Mutating' | 'Validating',
  hooks: readonly Hook[],
): Promise<void> {
  const webhooks = hooks.map(({ server, ...hook }, index) => ({
    name: `hook-${index}.example.com`,
    rules: [RULE],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...(server === undefined ? {} : { clientConfig: { url: server.url, caBundle: server.caBundle } }),
    ...hook,
  }));
  const kind = `${type}WebhookConfiguration`;
  const body = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name: `h-${Math.random()}` },
    webhooks,
  };
  const path = `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}s`;
  const { status, text } = await api.call('POST', path, { body });
  assert.equal(status, 201, text);
  const view = api.live.of(`${kind.toLowerCase()}s.admissionregistration.k8s.io`);
  await waitFor(() => [...view.values()].some(({ metadata }) => metadata.name === body.metadata.name));
}

export async function createMap(
  api: Fixture,
  name: string,
  more: Json = {},
): Promise<Answered & { status: number }> {
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...more };
  const { status, json } = await api.call('POST', CONFIG_MAPS, { body });
  return { ...json<Answered>(), status };
}

/** The answer to one create, with one webhook of the type that answers so. */
export async function createWith(type: 'Mutating' | 'Validating', answer: WebhookAnswer, hook: Hook = {}) {
  await using api = await start();
  await using server = await startWebhook(answer);
  await register(api, type, [{ server, ...hook }]);
  const made = await createMap(api, 'a');
  const found = await api.call('GET', `${CONFIG_MAPS}/a`);
  return { made, exists: found.status === 200, requests: server.requests };
}
