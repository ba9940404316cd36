import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeRefusalsOf, type Fields, merged, refusalsOf } from '../testing/refusals.ts';

const SERVICE = { spec: { ports: [{ port: 80 }] } };
const BACKEND = { service: { name: 's', port: { number: 80 } } };
const PATH = { path: '/', pathType: 'Prefix', backend: BACKEND };
const INGRESS = { spec: { rules: [{ host: 'a.example.com', http: { paths: [PATH] } }] } };
const POLICY = { spec: { podSelector: {} } };
const SLICE = { addressType: 'IPv4', endpoints: [{ addresses: ['10.1.2.3'] }] };
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

function path(change: Fields): Fields {
  return { spec: { rules: [{ http: { paths: [merged(PATH, change)] } }] } };
}

function peer(from: Fields): Fields {
  return { spec: { ingress: [{ from: [from] }] } };
}

const CREATED: readonly [path: string, base: Fields, change: Fields, ...refusals: string[]][] = [
  ['v1/services', SERVICE, {}],
  ['v1/services', SERVICE, { spec: { ports: [] } }, 'spec.ports: Required value'],
  [
    'v1/services',
    SERVICE,
    { spec: { ports: [{ port: 80 }, { port: 81, name: 'b' }] } },
    'spec.ports[0].name: Required value',
  ],
  [
    'v1/services',
    SERVICE,
    { spec: { ports: [{ port: 80, nodePort: 30001 }] } },
    "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
  ],
  [
    'v1/services',
    SERVICE,
    { spec: { ports: [{ port: 0, targetPort: 'No_Port' }] } },
    'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
    'spec.ports[0].targetPort: Invalid value: "No_Port": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
  ],
  [
    'v1/services',
    SERVICE,
    { spec: { externalTrafficPolicy: 'Local' } },
    'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
  ],
  [
    'v1/services',
    SERVICE,
    { spec: { loadBalancerClass: 'example.com/a' } },
    "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
  ],
  ['v1/services', { spec: { type: 'ExternalName', externalName: 'db.example.com' } }, {}],
  ['v1/services', { spec: { type: 'ExternalName' } }, {}, 'spec.externalName: Required value'],
  [
    'v1/services',
    SERVICE,
    { spec: { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } } },
    'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be between 1 and 86400, inclusive',
  ],
  ['networking.k8s.io/v1/ingresses', INGRESS, {}],
  [
    'networking.k8s.io/v1/ingresses',
    {},
    { spec: { ingressClassName: 'a' } },
    'spec: Invalid value: {"ingressClassName":"a"}: either `defaultBackend` or `rules` must be specified',
  ],
  [
    'networking.k8s.io/v1/ingresses',
    INGRESS,
    { spec: { rules: [{ host: 'A_b' }] } },
    `spec.rules[0].host: Invalid value: "A_b": ${SUBDOMAIN}`,
  ],
  [
    'networking.k8s.io/v1/ingresses',
    INGRESS,
    { spec: { rules: [{ host: '10.0.0.1' }] } },
    'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
  ],
  [
    'networking.k8s.io/v1/ingresses',
    INGRESS,
    path({ path: 'a' }),
    'spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path',
  ],
  [
    'networking.k8s.io/v1/ingresses',
    INGRESS,
    path({ path: '/a/../b' }),
    'spec.rules[0].http.paths[0].path: Invalid value: "/a/../b": must not contain \'/../\'',
  ],
  [
    'networking.k8s.io/v1/ingresses',
    INGRESS,
    path({ backend: { service: { port: { name: 'web' } } } }),
    'spec.rules[0].http.paths[0].backend: Invalid value: "": cannot set both port name & port number',
  ],
  [
    'networking.k8s.io/v1/ingresses',
    INGRESS,
    path({ backend: { service: { port: { number: undefined } } } }),
    'spec.rules[0].http.paths[0].backend: Required value: port name or number is required',
  ],
  ['networking.k8s.io/v1/ingressclasses', { spec: { controller: 'example.com/a' } }, {}],
  [
    'networking.k8s.io/v1/ingressclasses',
    { spec: { controller: 'a' } },
    {},
    'spec.controller: Invalid value: "a": must be a domain-prefixed path (such as "acme.io/foo")',
  ],
  ['networking.k8s.io/v1/networkpolicies', POLICY, {}],
  [
    'networking.k8s.io/v1/networkpolicies',
    POLICY,
    peer({}),
    'spec.ingress[0].from[0]: Required value: must specify a peer',
  ],
  [
    'networking.k8s.io/v1/networkpolicies',
    POLICY,
    peer({ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} }),
    'spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer',
  ],
  [
    'networking.k8s.io/v1/networkpolicies',
    POLICY,
    peer({ ipBlock: { cidr: '10.0.0.0/40' } }),
    `spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0/40": ${CIDR}`,
  ],
  [
    'networking.k8s.io/v1/networkpolicies',
    POLICY,
    peer({ ipBlock: { cidr: '2001:db8::/32', except: ['2001:db8:1::/48', '2001:db9::/48'] } }),
    'spec.ingress[0].from[0].ipBlock.except[1]: Invalid value: "2001:db9::/48": must be a strict subset of `cidr`',
  ],
  [
    'networking.k8s.io/v1/networkpolicies',
    POLICY,
    { spec: { egress: [{ ports: [{ port: 80, endPort: 70 }] }] } },
    'spec.egress[0].ports[0].endPort: Invalid value: 70: must be greater than or equal to `port`',
  ],
  ['discovery.k8s.io/v1/endpointslices', SLICE, {}],
  [
    'discovery.k8s.io/v1/endpointslices',
    SLICE,
    { endpoints: [{ addresses: ['::1'] }] },
    'endpoints[0].addresses[0]: Invalid value: "::1": must be a valid IPv4 address',
    'endpoints[0].addresses[0]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ],
  [
    'discovery.k8s.io/v1/endpointslices',
    SLICE,
    {
      ports: [
        { name: 'a', port: 1 },
        { name: 'a', port: 2 },
      ],
    },
    'ports[1].name: Duplicate value: "a"',
  ],
  [
    'v1/endpoints',
    { subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ port: 80 }] }] },
    {},
    'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ],
];

for (const [kind, base, change, ...refusals] of CREATED)
  test(`${kind} with ${JSON.stringify(change).slice(0, 90)}: ${refusals.length === 0 ? 'is made' : 'is refused'}`, async () => {
    assert.deepEqual(await refusalsOf(kind, merged(base, change) as Fields), refusals);
  });

const CHANGED: readonly [path: string, base: Fields, after: Fields, ...refusals: string[]][] = [
  [
    'networking.k8s.io/v1/ingressclasses',
    { spec: { controller: 'a.b/c' } },
    { spec: { controller: 'a.b/d' } },
    'spec.controller: Invalid value: "a.b/d": field is immutable',
  ],
  [
    'discovery.k8s.io/v1/endpointslices',
    { ...SLICE, endpoints: [] },
    { addressType: 'IPv6' },
    'addressType: Invalid value: "IPv6": field is immutable',
  ],
];
for (const [kind, base, after, ...refusals] of CHANGED)
  test(`${kind} to ${JSON.stringify(after)}`, async () => {
    assert.deepEqual(await changeRefusalsOf(kind, base, { after }), refusals);
  });

test('a service that is open to the outside no more loses what only such a one has', async () => {
  const base = { spec: { type: 'NodePort', ports: [{ port: 80 }] } };
  assert.deepEqual(
    await changeRefusalsOf('v1/services', base, { after: { spec: { type: 'ClusterIP' } } }),
    [],
  );
});
