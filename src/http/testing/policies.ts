import assert from 'node:assert/strict';
import { allPlugins } from '../../access/testing/plugins.ts';
import { type Answer, type Fixture, startFixture } from './fixture.ts';
import { waitFor } from './wait-for.ts';

export type Json = Record<string, unknown>;

export const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
export const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

export function start(): Promise<Fixture> {
  return startFixture({ plugins: (live, access) => allPlugins(live, { access }) });
}

export async function must(answer: Promise<Answer>, status: number): Promise<Json> {
  const { status: got, text } = await answer;
  assert.equal(got, status, text);
  return JSON.parse(text) as Json; // A Status or the object.
}

/** As upstream's documentation has it. */
export function policy(spec: Json, name = 'demo-policy.example.com'): Json {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: ['apps'],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['deployments'],
          },
        ],
      },
      ...spec,
    },
  };
}

export function binding(spec: Json = {}, name = 'demo-binding-test.example.com'): Json {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: 'demo-policy.example.com', validationActions: ['Deny'], ...spec },
  };
}

export async function put(fixture: Fixture, ...objects: readonly Json[]): Promise<void> {
  const paths: Readonly<Record<string, string>> = {
    ValidatingAdmissionPolicy: `${ADMISSION}/validatingadmissionpolicies`,
    ValidatingAdmissionPolicyBinding: `${ADMISSION}/validatingadmissionpolicybindings`,
    ConfigMap: '/api/v1/namespaces/default/configmaps',
  };
  for (const body of objects) await must(fixture.call('POST', paths[String(body.kind)] ?? '', { body }), 201);
  const live = objects.filter(({ kind }) => kind === 'ValidatingAdmissionPolicyBinding');
  for (const { metadata } of live)
    await waitFor(
      () =>
        fixture.live
          .of('validatingadmissionpolicybindings.admissionregistration.k8s.io')
          .get('', (metadata as { name: string }).name) !== undefined,
    );
}

export function deployment(replicas: number, metadata: Json = {}): Json {
  const labels = { app: 'nginx' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'nginx', ...metadata },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'nginx', image: 'example.com/nginx:1' }] },
      },
    },
  };
}

export const create = (fixture: Fixture, replicas: number, metadata?: Json) =>
  fixture.call('POST', DEPLOYMENTS, { body: deployment(replicas, metadata) });
