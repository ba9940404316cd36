import { createHash, randomInt } from 'node:crypto';
import { isIPv4 } from 'node:net';
import type { ApiObject } from '../api/kind.ts';
import type { ErrorDetail } from '../lib/errors.ts';
import type { Claim } from './claims.ts';
import { invalid } from './field-errors.ts';
import { ensure, items, part, text } from './fields.ts';

/** Services' addresses: 10.96.0.0/16. */
const PREFIX = '10.96';
/** The first 256 are for who names an address, as upstream keeps them, so that a choice of ours seldom stands in the way. */
const FIRST_DYNAMIC = 256;
const LAST = 65_534;
const NODE_PORTS = { first: 30_000, last: 32_767 } as const;

/** Gives a service the addresses and node ports that it wants and did not name. */
export function allocateService(service: ApiObject): void {
  const spec = ensure(service, 'spec');
  const type = text(spec, 'type') || 'ClusterIP';
  if (type === 'ExternalName') return;
  if (text(spec, 'clusterIP') === '') {
    const offset = randomInt(FIRST_DYNAMIC, LAST + 1);
    spec.clusterIP = `${PREFIX}.${offset >> 8}.${offset & 255}`;
    spec.clusterIPs = [spec.clusterIP];
  }
  spec.clusterIPs ??= [spec.clusterIP];
  spec.ipFamilies ??= ['IPv4'];
  spec.ipFamilyPolicy ??= 'SingleStack';
  if (!wantsNodePorts(service)) return;
  const used = new Set(items(spec, 'ports').map(portKey));
  for (const port of items(spec, 'ports')) {
    while (typeof port.nodePort !== 'number' || port.nodePort === 0) {
      const nodePort = randomInt(NODE_PORTS.first, NODE_PORTS.last + 1);
      if (!used.has(portKey({ ...port, nodePort }))) port.nodePort = nodePort;
    }
    used.add(portKey(port));
  }
}

function wantsNodePorts(service: Readonly<ApiObject>): boolean {
  const spec = part(service, 'spec');
  const type = text(spec, 'type');
  return type === 'NodePort' || (type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
}

function portKey(port: Readonly<Record<string, unknown>>): string {
  return `${(text(port, 'protocol') || 'TCP').toLowerCase()}-${String(port.nodePort ?? '')}`;
}

/** The address as an IPAddress, as upstream keeps it, and each node port. */
export function serviceClaims(service: Readonly<ApiObject>): readonly Claim[] {
  const spec = part(service, 'spec');
  if (text(spec, 'type') === 'ExternalName') return [];
  const { name, namespace = '', uid = '', creationTimestamp } = service.metadata;
  const holder = { name, namespace, uid, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) };
  const address = text(spec, 'clusterIP');
  const ports = items(spec, 'ports').filter(({ nodePort }) => typeof nodePort === 'number' && nodePort > 0);
  return [
    ...(address === '' || address === 'None' ? [] : [addressClaim(address, holder)]),
    ...ports.map((port, index) => portClaim(port, { index, holder })),
  ];
}

interface Holder {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly creationTimestamp?: string;
}

/** The same for the same holder, so that a claim can be told from another's by its bytes. */
function metadataOf(name: string, holder: Holder) {
  const { creationTimestamp } = holder;
  const hex = createHash('sha256').update(`${holder.uid}/${name}`).digest('hex');
  // Version 8 of RFC 9562: made from what the maker likes.
  const uid = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return { name, uid, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) };
}

function addressClaim(address: string, holder: Holder): Claim {
  const { namespace, name } = holder;
  return {
    key: { resource: 'ipaddresses.networking.k8s.io', namespace: '', name: address },
    object: {
      kind: 'IPAddress',
      apiVersion: 'networking.k8s.io/v1',
      metadata: {
        ...metadataOf(address, holder),
        labels: {
          'ipaddress.kubernetes.io/ip-family': 'IPv4',
          'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
        },
      },
      spec: { parentRef: { group: '', resource: 'services', namespace, name } },
    },
    taken: invalid('spec.clusterIPs', [address], 'failed to allocate IP: provided IP is already allocated'),
  };
}

/** No kind that is served: only services ask who has a port. */
function portClaim(
  port: Readonly<Record<string, unknown>>,
  { index, holder }: { readonly index: number; readonly holder: Holder },
): Claim {
  const name = portKey(port);
  return {
    key: { resource: 'nodeports.amphora.dev', namespace: '', name },
    object: {
      kind: 'NodePort',
      apiVersion: 'amphora.dev/v1',
      metadata: metadataOf(name, holder),
      spec: {
        parentRef: { group: '', resource: 'services', namespace: holder.namespace, name: holder.name },
      },
    },
    taken: invalid(`spec.ports[${index}].nodePort`, port.nodePort, 'provided port is already allocated'),
  };
}

/** What is wrong with addresses and ports that the caller named. */
export function validateClaims(service: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(service, 'spec');
  const details: ErrorDetail[] = [];
  const address = text(spec, 'clusterIP');
  if (text(spec, 'type') !== 'ExternalName' && address !== '' && address !== 'None' && !isAddress(address))
    details.push(
      invalid(
        'spec.clusterIPs',
        [address],
        `failed to allocate IP ${address}: the provided IP is not in the valid range ${PREFIX}.0.0/16`,
      ),
    );
  for (const [index, { nodePort }] of items(spec, 'ports').entries()) {
    if (typeof nodePort !== 'number' || nodePort === 0) continue;
    const at = `spec.ports[${index}].nodePort`;
    if (nodePort < NODE_PORTS.first || nodePort > NODE_PORTS.last)
      details.push(
        invalid(
          at,
          nodePort,
          `provided port is not in the valid range. The range of valid ports is ${NODE_PORTS.first}-${NODE_PORTS.last}`,
        ),
      );
  }
  return details;
}

function isAddress(address: string): boolean {
  if (!isIPv4(address) || !address.startsWith(`${PREFIX}.`)) return false;
  const [, , third = 0, fourth = 0] = address.split('.').map(Number);
  const offset = third * 256 + fourth;
  return offset >= 1 && offset <= LAST;
}
