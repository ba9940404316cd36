import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiObject } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { bench, kindOf, pod } from '../testing/bench.ts';
import { type Fields, merged, refusalsOf } from '../testing/refusals.ts';

const POD = pod('a') as Fields;
const AFFINITY = 'requiredDuringSchedulingIgnoredDuringExecution';

const CREATED: readonly [spec: Fields, ...refusals: string[]][] = [
  [{}],
  [{ nodeSelector: { 'a b': 'c' } }, 'spec.nodeSelector: Invalid value: "a b": name part must consist of'],
  [
    { affinity: { nodeAffinity: { [AFFINITY]: { nodeSelectorTerms: [] } } } },
    `spec.affinity.nodeAffinity.${AFFINITY}.nodeSelectorTerms: Required value: must have at least one node selector term`,
  ],
  [
    {
      affinity: {
        nodeAffinity: {
          [AFFINITY]: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Gt', values: [] }] }],
          },
        },
      },
    },
    `spec.affinity.nodeAffinity.${AFFINITY}.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified single value when \`operator\` is 'Lt' or 'Gt'`,
  ],
  [
    { affinity: { podAntiAffinity: { [AFFINITY]: [{ topologyKey: '' }] } } },
    `spec.affinity.podAntiAffinity.${AFFINITY}[0].topologyKey: Required value: can not be empty`,
  ],
  [
    { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }] },
    'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than 0',
  ],
  [
    { nodeName: 'n', schedulingGates: [{ name: 'example.com/wait' }] },
    'spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared',
  ],
  [
    { securityContext: { runAsUser: -1 } },
    'spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
  ],
  [
    { securityContext: { sysctls: [{ name: 'a..b', value: '1' }] } },
    'spec.securityContext.sysctls[0].name: Invalid value: "a..b": must have at most 253 characters',
  ],
  [
    { securityContext: { seccompProfile: { type: 'Localhost' } } },
    'spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost',
  ],
  [
    {
      containers: [
        { name: 'c', image: 'i', securityContext: { privileged: true, allowPrivilegeEscalation: false } },
      ],
    },
    'spec.containers[0].securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
  ],
  [
    {
      containers: [
        { name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 80 }] },
        { name: 'd', image: 'i', ports: [{ containerPort: 81, hostPort: 80 }] },
      ],
    },
    'spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//80"',
  ],
  [
    {
      hostNetwork: true,
      containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 81 }] }],
    },
    'spec.containers[0].ports[0].containerPort: Invalid value: 80: must match `hostPort` when `hostNetwork` is true',
  ],
  [
    { hostAliases: [{ ip: 'x', hostnames: ['a'] }] },
    'spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address',
  ],
  [
    { dnsConfig: { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] } },
    'spec.dnsConfig.nameservers: Invalid value: ["1.1.1.1","1.1.1.2","1.1.1.3","1.1.1.4"]: must not have more than 3 nameservers',
  ],
  [
    { ephemeralContainers: [{ name: 'e', image: 'i' }] },
    'spec.ephemeralContainers: Forbidden: cannot be set on create',
  ],
];

for (const [spec, ...refusals] of CREATED)
  test(`a pod with ${JSON.stringify(spec).slice(0, 110)}: ${refusals.length === 0 ? 'is made' : 'is refused'}`, async () => {
    const found = await refusalsOf('v1/pods', merged(POD, { spec }) as Fields);
    assert.equal(found.length, refusals.length, found.join('\n'));
    for (const [index, refusal] of refusals.entries())
      assert.ok(found[index]?.startsWith(refusal), `${found[index]}\n${refusal}`);
  });

const pods = { kind: kindOf('', 'v1', 'pods'), namespace: 'default' };

async function withPod(spec: Fields) {
  const { registry, context } = bench();
  await registry.create(context, pods, pod('a', spec));
  return async (subresource: string, change: Fields): Promise<ApiObject | readonly string[]> => {
    const target = { ...pods, name: 'a', subresource };
    try {
      const written = await registry.patch(context, target, { type: 'strategic', value: change });
      return written.object.object();
    } catch (error) {
      if (!(error instanceof AmphoraError) || error.code !== 'Invalid') throw error;
      return error.details.map(({ field, message }) => `${field}: ${message}`);
    }
  };
}

function amounts(cpu: string, memory = '64Mi'): Fields {
  return { requests: { cpu, memory }, limits: { cpu: '2', memory: '128Mi' } };
}

test('resize changes what containers ask for, and nothing else', async () => {
  const patch = await withPod({ containers: [{ name: 'main', image: 'app:1', resources: amounts('1') }] });
  const value = { spec: { containers: [{ name: 'main', image: 'app:2', resources: amounts('1500m') }] } };
  const resized = (await patch('resize', value)) as ApiObject;
  const [container] = (resized.spec as { containers: Fields[] }).containers;
  assert.deepEqual([container?.image, container?.resources], ['app:1', amounts('1500m')]);
  assert.equal(resized.metadata.generation, 2);
  const requests = { cpu: '2', memory: '128Mi' };
  assert.deepEqual(
    await patch('resize', { spec: { containers: [{ name: 'main', resources: { requests } }] } }),
    ['spec: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of resizing'],
  );
  const removed = { spec: { containers: [{ name: 'main', resources: { limits: { cpu: null } } }] } };
  assert.deepEqual(await patch('resize', removed), [
    'spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed',
  ]);
  const disk = {
    spec: { containers: [{ name: 'main', resources: { limits: { 'ephemeral-storage': '1Gi' } } }] },
  };
  const refused = await patch('resize', disk);
  assert.ok(
    Array.isArray(refused) && refused.includes('spec: Forbidden: only cpu and memory resources are mutable'),
  );
});

test('ephemeral containers come, and neither change nor go', async () => {
  const patch = await withPod({});
  const add = (container: Fields) =>
    patch('ephemeralcontainers', { spec: { ephemeralContainers: [container] } });
  const added = (await add({ name: 'look', image: 'tools', targetContainerName: 'main' })) as ApiObject;
  assert.equal((added.spec as { ephemeralContainers: unknown[] }).ephemeralContainers.length, 1);
  assert.deepEqual(await add({ name: 'look', image: 'other' }), [
    'spec: Forbidden: existing ephemeral containers "look" may not be changed\n',
  ]);
  assert.deepEqual(await add({ name: 'main', image: 'tools' }), [
    'spec.ephemeralContainers[0].name: Duplicate value: "main"',
  ]);
  assert.deepEqual(
    await add({ name: 'b', image: 'tools', targetContainerName: 'nobody', ports: [{ containerPort: 1 }] }),
    [
      'spec.ephemeralContainers[0].targetContainerName: Not found: "nobody"',
      'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
    ],
  );
});
