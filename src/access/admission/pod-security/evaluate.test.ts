import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, PodSpec } from '../../../api/types.generated.ts';
import { partsOf } from './check.ts';
import { describe, violations } from './evaluate.ts';
import { type Level, policyOf } from './policy.ts';

const LATEST = Number.POSITIVE_INFINITY;

function container(more: Partial<Container> = {}): Container {
  return { name: 'a', image: 'a:1', ...more };
}

const GOOD: PodSpec = {
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [
    container({ securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }),
  ],
};

interface Case {
  readonly spec: Partial<PodSpec>;
  readonly says: string;
  readonly level?: Level;
  readonly version?: number;
  readonly annotations?: Record<string, string>;
}

const within = (securityContext: Container['securityContext']): Partial<PodSpec> => ({
  containers: [container({ securityContext: securityContext ?? {} })],
});

const BASELINE: readonly Case[] = [
  { spec: { containers: [container()] }, says: '' },
  {
    spec: { hostNetwork: true, hostPID: true, hostIPC: true },
    says: 'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)',
  },
  {
    spec: {
      containers: [
        container({ securityContext: { privileged: true } }),
        container({ name: 'b', securityContext: { privileged: true } }),
      ],
    },
    says: 'privileged (containers "a", "b" must not set securityContext.privileged=true)',
  },
  {
    spec: within({ capabilities: { add: ['SYS_ADMIN', 'CHOWN', 'NET_RAW'] } }),
    says: 'non-default capabilities (container "a" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)',
  },
  {
    spec: { volumes: [{ name: 'v', hostPath: { path: '/' } }] },
    says: 'hostPath volumes (volume "v")',
  },
  {
    spec: {
      containers: [
        container({
          ports: [
            { containerPort: 1, hostPort: 80 },
            { containerPort: 2, hostPort: 443 },
          ],
        }),
      ],
    },
    says: 'hostPort (container "a" uses hostPorts 443, 80)',
  },
  {
    spec: { initContainers: [container({ livenessProbe: { httpGet: { port: 1, host: 'x' } } })] },
    says: 'probe or lifecycle host (container "a" uses probe or lifecycle host "x")',
  },
  {
    spec: { initContainers: [container({ livenessProbe: { httpGet: { port: 1, host: 'x' } } })] },
    version: 33,
    says: '',
  },
  {
    spec: { securityContext: { appArmorProfile: { type: 'Unconfined' } } },
    says: 'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
  },
  {
    spec: {},
    annotations: { 'container.apparmor.security.beta.kubernetes.io/a': 'unconfined' },
    says: 'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a=\\"unconfined\\"")',
  },
  {
    spec: {
      ...within({ seLinuxOptions: { user: 'u' } }),
      securityContext: { seLinuxOptions: { type: 'bad_t' } },
    },
    says: 'seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: type "bad_t"; user may not be set)',
  },
  { spec: within({ seLinuxOptions: { type: 'container_engine_t' } }), says: '' },
  {
    spec: within({ seLinuxOptions: { type: 'container_engine_t' } }),
    version: 30,
    says: 'seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "container_engine_t")',
  },
  {
    spec: within({ procMount: 'Unmasked' }),
    says: 'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  },
  { spec: { ...within({ procMount: 'Unmasked' }), hostUsers: false }, says: '' },
  {
    spec: within({ seccompProfile: { type: 'Unconfined' } }),
    says: 'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
  },
  {
    spec: {},
    version: 18,
    annotations: { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' },
    says: 'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
  },
  {
    spec: {
      securityContext: {
        sysctls: [
          { name: 'kernel.msgmax', value: '1' },
          { name: 'net.ipv4.tcp_rmem', value: '1' },
        ],
      },
    },
    says: 'forbidden sysctls (kernel.msgmax)',
  },
  {
    spec: { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem', value: '1' }] } },
    version: 31,
    says: 'forbidden sysctls (net.ipv4.tcp_rmem)',
  },
  {
    spec: { securityContext: { windowsOptions: { hostProcess: true } } },
    says: 'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
  },
];

const RESTRICTED: readonly Case[] = [
  { spec: GOOD, says: '' },
  {
    spec: { containers: [container()] },
    says: 'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  },
  {
    spec: {
      ...GOOD,
      volumes: [
        { name: 'v', hostPath: { path: '/' } },
        { name: 'n', nfs: { path: '/', server: 's' } },
      ],
    },
    says: 'restricted volume types (volumes "v", "n" use restricted volume types "hostPath", "nfs")',
  },
  {
    spec: { ...GOOD, securityContext: { ...GOOD.securityContext, runAsUser: 0 } },
    says: 'runAsUser=0 (pod must not set runAsUser=0)',
  },
  {
    spec: {
      ...GOOD,
      hostUsers: false,
      securityContext: { runAsUser: 0, seccompProfile: { type: 'Localhost' } },
    },
    says: '',
  },
  {
    spec: { ...GOOD, securityContext: { ...GOOD.securityContext, runAsNonRoot: false } },
    says: 'runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)',
  },
  {
    spec: {
      ...GOOD,
      containers: [
        container({
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'], add: ['CHOWN', 'NET_BIND_SERVICE'] },
          },
        }),
      ],
    },
    says: 'unrestricted capabilities (container "a" must not include "CHOWN" in securityContext.capabilities.add)',
  },
  {
    spec: { containers: [container({ securityContext: { runAsNonRoot: true } })], os: { name: 'windows' } },
    says: '',
  },
];

for (const [level, cases] of [['baseline', BASELINE] as const, ['restricted', RESTRICTED] as const])
  for (const { spec, says, version = LATEST, annotations = {} } of cases)
    test(`${level}, ${version}, ${JSON.stringify(spec)}`, () => {
      const pod = partsOf({ annotations }, { containers: [container()], ...spec });
      assert.equal(describe(violations({ level, version }, pod)), says);
      assert.deepEqual(violations({ level: 'privileged', version }, pod), []);
    });

test('labels make the policy; what is wrong with them closes enforcement and opens the rest', () => {
  const label = (labels: Record<string, string>) =>
    policyOf(
      Object.fromEntries(
        Object.entries(labels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]),
      ),
    );
  const latest = (level: Level) => ({ level, version: LATEST });
  assert.deepEqual(label({ enforce: 'baseline', 'enforce-version': 'v1.30' }), {
    enforce: { level: 'baseline', version: 30 },
    audit: { level: 'baseline', version: 30 },
    warn: { level: 'baseline', version: 30 },
    faults: [],
  });
  const mixed = label({ enforce: 'baseline', warn: 'restricted', audit: 'privileged' });
  assert.deepEqual(
    [mixed.enforce, mixed.warn, mixed.audit],
    ['baseline', 'restricted', 'privileged'].map((level) => latest(level as Level)),
  );
  const wrong = label({ enforce: 'strict', warn: 'loud', 'warn-version': 'v2' });
  assert.deepEqual([wrong.enforce, wrong.warn], [latest('restricted'), latest('privileged')]);
  assert.deepEqual(
    wrong.faults.map(({ message }) => message),
    [
      'Invalid value: "strict": must be one of privileged, baseline, restricted',
      'Invalid value: "loud": must be one of privileged, baseline, restricted',
      'Invalid value: "v2": must be "latest" or "v1.x"',
    ],
  );
});
