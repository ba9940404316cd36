import { AmphoraError } from '../lib/errors.ts';
import type { AttachRequest, Network } from './network.ts';

type Attached = Awaited<ReturnType<Network['attach']>>;

const HOSTS = 1 << 16;
const FIRST = 2;

/** Addresses in memory from 10.88.0.0/16, for simulations and tests; nothing on the machine changes. */
export function createFakeNetwork(): Network {
  const attached = new Map<string, { answer: Attached; ports: readonly string[] }>();
  const taken = new Set<number>();
  const numbers = new Map<string, number>();
  let last = FIRST - 1;
  const next = (): number => {
    if (taken.size >= HOSTS - FIRST - 1)
      throw new AmphoraError('Unavailable', 'the fake network has no address left');
    do last = last + 1 >= HOSTS - 1 ? FIRST : last + 1;
    while (taken.has(last));
    taken.add(last);
    return last;
  };
  return {
    attach: async (request: AttachRequest) => {
      const known = attached.get(request.sandboxId);
      if (known !== undefined) return known.answer;
      const ports = request.portMappings.map((one) => `${one.protocol}/${one.hostIp ?? ''}/${one.hostPort}`);
      const busy = [...attached.values()].flatMap((one) => one.ports).find((port) => ports.includes(port));
      if (busy !== undefined)
        throw new AmphoraError('Conflict', `host port ${busy} belongs to another sandbox`);
      const number = next();
      numbers.set(request.sandboxId, number);
      const answer = answerFor(request.sandboxId, number);
      attached.set(request.sandboxId, { answer, ports });
      return answer;
    },
    detach: async (sandboxId) => {
      attached.delete(sandboxId);
      taken.delete(numbers.get(sandboxId) ?? -1);
      numbers.delete(sandboxId);
    },
    check: async (sandboxId) => {
      if (!attached.has(sandboxId))
        throw new AmphoraError('Unavailable', `sandbox ${sandboxId} is not attached to the network`);
    },
    list: async () => [...attached.keys()],
    purge: async () => {
      attached.clear();
      taken.clear();
      numbers.clear();
    },
  };
}

function answerFor(sandboxId: string, number: number): Attached {
  const [high, low] = [number >> 8, number & 255];
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return {
    kind: 'namespace',
    path: `/run/amphora/netns/${sandboxId}`,
    interfaces: [
      {
        name: 'eth0',
        mac: `02:00:0a:58:${hex(high)}:${hex(low)}`,
        mtu: 1500,
        addresses: [`10.88.${high}.${low}/16`],
        routes: [{ destination: '0.0.0.0/0', gateway: '10.88.0.1' }],
      },
    ],
  };
}
