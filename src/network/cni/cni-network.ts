import { access, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NetworkInterface, SandboxNetwork } from '../../engines/sandbox-spec.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import { writeFileAtomic } from '../../lib/files.ts';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import type { Logger } from '../../lib/log.ts';
import { tryRun } from '../../lib/run.ts';
import type { AttachRequest, Network } from '../network.ts';
import { type Attachment, CniClient, type CniResult } from './client.ts';
import { bridgeConfList, type ConfList } from './conflist.ts';
import { HostRules } from './host-rules.ts';
import { pinNetns, unpinNetns } from './netns.ts';

export interface CniNetworkOptions {
  /** Searched in order: `/opt/cni/bin`, `/usr/lib/cni`. */
  readonly binDirectories: readonly string[];
  /** Records and the results of ADD: `/var/lib/amphora/node/network`. */
  readonly stateDirectory: string;
  /** Pinned namespaces: `/run/amphora/netns`. */
  readonly runDirectory: string;
  readonly log: Logger;
  /** A list of the administrator's, which then does masquerading and host ports itself; ours when undefined. */
  readonly conflist?: ConfList;
  readonly bridge?: string;
  readonly subnet?: string;
  /** Of our nftables rules. */
  readonly table?: string;
}

interface Record {
  readonly request: AttachRequest;
  /** Undefined while the attachment is being made. */
  readonly result?: CniResult;
}

type Attached = Extract<SandboxNetwork, { kind: 'namespace' }>;

const DEFAULTS = { bridge: 'amph0', subnet: '10.88.0.0/16', table: 'amphora' } as const;
const INTERFACE = 'eth0';

/** The network of sandboxes through CNI plugins. Our default list is a bridge with host-local addresses. */
export async function createCniNetwork(options: CniNetworkOptions): Promise<Network> {
  const { bridge = DEFAULTS.bridge, subnet = DEFAULTS.subnet, table = DEFAULTS.table } = options;
  const leases = join(options.stateDirectory, 'leases');
  const records = join(options.stateDirectory, 'attachments');
  for (const path of [leases, records, options.runDirectory])
    await mkdir(path, { recursive: true, mode: 0o711 });
  // A crash in the middle of writing a record leaves the part that was never renamed.
  for (const name of await readdir(records))
    if (name.endsWith('.tmp')) await rm(join(records, name), { force: true });
  const list = options.conflist ?? bridgeConfList({ bridge, subnet, leases });
  const rules = options.conflist === undefined ? new HostRules({ table, bridge, subnet }) : undefined;
  const client = new CniClient(list, options.binDirectories);
  return new CniNetwork({
    client,
    rules,
    records,
    leases,
    bridge,
    netns: options.runDirectory,
    log: options.log,
  });
}

interface Parts {
  readonly client: CniClient;
  readonly rules: HostRules | undefined;
  readonly records: string;
  readonly leases: string;
  readonly bridge: string;
  readonly netns: string;
  readonly log: Logger;
}

class CniNetwork implements Network {
  readonly #parts: Parts;
  readonly #locks = new KeyedLock();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  attach(request: AttachRequest, signal: AbortSignal): Promise<Attached> {
    return this.#locks.hold(request.sandboxId, async () => {
      const known = await this.#read(request.sandboxId);
      const path = this.#path(request.sandboxId);
      if (known?.result !== undefined && (await pinned(path))) return toNetwork(path, known.result);
      if (known !== undefined) await this.#undo(known, signal);
      await this.#write({ request });
      try {
        return await this.#make(request, signal);
      } catch (error) {
        // Own deadline: undone also when the caller has given up.
        await this.#undo({ request }, AbortSignal.timeout(30_000)).catch((cause) => {
          this.#parts.log.warn(
            { sandbox: request.sandboxId, error: String(cause) },
            'undoing a half-made attachment failed',
          );
        });
        throw AmphoraError.during(`attaching sandbox ${request.sandboxId} to the network`, error);
      }
    });
  }

  async #make(request: AttachRequest, signal: AbortSignal): Promise<Attached> {
    const { client, rules } = this.#parts;
    const path = this.#path(request.sandboxId);
    pinNetns(path);
    await rules?.ensure(signal);
    const result = await withMtu(await client.add(attachment(request, path), signal));
    await this.#write({ request, result });
    const network = toNetwork(path, result);
    await rules?.open(request.portMappings, ipv4Of(result), signal);
    return network;
  }

  detach(sandboxId: string, signal: AbortSignal): Promise<void> {
    return this.#locks.hold(sandboxId, async () => {
      const known = await this.#read(sandboxId);
      if (known !== undefined) await this.#undo(known, signal);
    });
  }

  async #undo({ request, result: known }: Record, signal: AbortSignal): Promise<void> {
    const { client, rules } = this.#parts;
    const path = this.#path(request.sandboxId);
    const result = known ?? (await this.#read(request.sandboxId))?.result;
    if (result !== undefined) await rules?.shut(request.portMappings, ipv4Of(result), signal);
    const netns = (await pinned(path)) ? path : '';
    await client.del(attachment(request, netns), result, signal);
    await unpinNetns(path);
    await rm(this.#record(request.sandboxId), { force: true });
  }

  async check(sandboxId: string, signal: AbortSignal): Promise<void> {
    const known = await this.#read(sandboxId);
    const path = this.#path(sandboxId);
    if (known?.result === undefined || !(await pinned(path))) {
      throw new AmphoraError('Unavailable', `sandbox ${sandboxId} is not attached to the network`);
    }
    try {
      await this.#parts.client.check(attachment(known.request, path), known.result, signal);
    } catch (error) {
      if (isCode(error, 'Canceled')) throw error;
      throw new AmphoraError(
        'Unavailable',
        `the network of sandbox ${sandboxId} is not as it was made: ${AmphoraError.from(error).message}`,
        { cause: error },
      );
    }
  }

  async list(): Promise<readonly string[]> {
    return (await readdir(this.#parts.records))
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -5));
  }

  async purge(signal: AbortSignal): Promise<void> {
    const { rules, bridge, leases } = this.#parts;
    for (const id of await this.list()) await this.detach(id, signal);
    await rm(leases, { recursive: true, force: true });
    if (rules === undefined) return; // A list of the administrator's: what it shares is not ours to remove.
    await rules.purge(signal);
    const { exitCode, stderr } = await tryRun('ip', ['link', 'delete', bridge], { signal });
    if (exitCode !== 0 && !stderr.includes('Cannot find device')) {
      throw new AmphoraError('ProcessFailed', `removing bridge ${bridge} failed: ${stderr.trim()}`);
    }
  }

  #path(sandboxId: string): string {
    return join(this.#parts.netns, checked(sandboxId));
  }

  #record(sandboxId: string): string {
    return join(this.#parts.records, `${checked(sandboxId)}.json`);
  }

  async #read(sandboxId: string): Promise<Record | undefined> {
    const text = await readFile(this.#record(sandboxId), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : (JSON.parse(text) as Record); // ours, and written whole
  }

  async #write(record: Record): Promise<void> {
    await writeFileAtomic(this.#record(record.request.sandboxId), JSON.stringify(record), 0o600);
  }
}

/** @throws BadRequest for an id that could leave our folders. */
function checked(sandboxId: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(sandboxId)) return sandboxId;
  throw new AmphoraError(
    'BadRequest',
    `sandbox id ${JSON.stringify(sandboxId)} has other characters than a-z, 0-9 and "-"`,
  );
}

/** After a reboot the file may be there but nothing mounted on it: then it is on no namespace file system. */
async function pinned(path: string): Promise<boolean> {
  if (
    !(await access(path).then(
      () => true,
      () => false,
    ))
  )
    return false;
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  return mounts.split('\n').some((line) => line.split(' ')[4] === path);
}

function attachment(request: AttachRequest, netns: string): Attachment {
  return {
    containerId: request.sandboxId,
    netns,
    ifName: INTERFACE,
    args: {
      IgnoreUnknown: '1',
      K8S_POD_NAMESPACE: request.podNamespace,
      K8S_POD_NAME: request.podName,
      K8S_POD_INFRA_CONTAINER_ID: request.sandboxId,
      K8S_POD_UID: request.podUid,
    },
    portMappings: request.portMappings,
  };
}

/** Before CNI 1.1 results name no MTU; both ends of a veth pair have the same. */
async function withMtu(result: CniResult): Promise<CniResult> {
  const outside = result.interfaces?.findLast((one) => (one.sandbox ?? '') === '');
  const text =
    outside === undefined ? '' : await readFile(`/sys/class/net/${outside.name}/mtu`, 'utf8').catch(() => '');
  const mtu = Number.parseInt(text, 10) || 1500;
  return { ...result, interfaces: (result.interfaces ?? []).map((one) => ({ mtu, ...one })) };
}

function toNetwork(path: string, { interfaces = [], ips = [], routes = [] }: CniResult): Attached {
  const inside = interfaces.flatMap((one, index): NetworkInterface[] => {
    if ((one.sandbox ?? '') === '') return [];
    const mine = ips.filter((ip) => ip.interface === undefined || ip.interface === index);
    return [
      {
        name: one.name,
        mac: one.mac ?? '',
        mtu: one.mtu ?? 1500,
        addresses: mine.map((ip) => ip.address),
        routes: routes.map(({ dst, gw }) => {
          const gateway = gw ?? mine.find((ip) => ip.address.includes(':') === dst.includes(':'))?.gateway;
          return { destination: dst, ...(gateway === undefined ? {} : { gateway }) };
        }),
      },
    ];
  });
  return { kind: 'namespace', path, interfaces: inside };
}

function ipv4Of({ ips = [] }: CniResult): string {
  return ips.find((ip) => !ip.address.includes(':'))?.address.split('/')[0] ?? '';
}
