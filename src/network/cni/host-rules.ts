import { writeFile } from 'node:fs/promises';
import { AmphoraError } from '../../lib/errors.ts';
import { tryRun } from '../../lib/run.ts';
import type { PortMapping } from '../network.ts';

export interface HostRulesOptions {
  readonly table: string;
  readonly bridge: string;
  readonly subnet: string;
}

/** Masquerading and host ports, in an nftables table of our own that one command removes without a trace. */
export class HostRules {
  readonly #options: HostRulesOptions;
  #ready: Promise<void> | undefined;

  constructor(options: HostRulesOptions) {
    this.#options = options;
  }

  /** Makes the table; doing it again changes nothing. */
  ensure(signal: AbortSignal): Promise<void> {
    this.#ready ??= this.#make(signal).catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  async #make(signal: AbortSignal): Promise<void> {
    const { table, bridge, subnet } = this.#options;
    const dnat = ['tcp', 'udp'].flatMap((protocol) => [
      `fib daddr type local dnat ip to ip daddr . ${protocol} dport map @${protocol}_at`,
      `fib daddr type local dnat ip to ${protocol} dport map @${protocol}_any`,
    ]);
    const maps = ['tcp', 'udp'].flatMap((protocol) => [
      `map ${protocol}_at { type ipv4_addr . inet_service : ipv4_addr . inet_service; }`,
      `map ${protocol}_any { type inet_service : ipv4_addr . inet_service; }`,
    ]);
    const chain = (name: string, hook: string, rules: readonly string[]) =>
      [`chain ${name} { type nat hook ${hook};`, ...rules, '}'].join('\n');
    const masquerade = [
      `ip saddr ${subnet} ip daddr != ${subnet} oifname != "${bridge}" masquerade`,
      // A sandbox that reaches itself through a host port, and the host through its loopback.
      `ip saddr ${subnet} ip daddr ${subnet} ct status dnat masquerade`,
      `ip saddr 127.0.0.0/8 oifname "${bridge}" masquerade`,
    ];
    // Maps keep their elements when the table is there already; chains are emptied and filled again in one transaction.
    const text = [
      `table ip ${table} {\n${maps.join('\n')}`,
      chain('prerouting', 'prerouting priority dstnat', []),
      chain('output', 'output priority -100', []),
      chain('postrouting', 'postrouting priority srcnat', []),
      '}',
      `flush chain ip ${table} prerouting\nflush chain ip ${table} output\nflush chain ip ${table} postrouting`,
      `table ip ${table} {`,
      chain('prerouting', 'prerouting priority dstnat', dnat),
      chain('output', 'output priority -100', dnat),
      chain('postrouting', 'postrouting priority srcnat', masquerade),
      '}\n',
    ].join('\n');
    await nft(text, signal);
  }

  /** @throws Conflict when a host port is taken. */
  async open(mappings: readonly PortMapping[], address: string, signal: AbortSignal): Promise<void> {
    if (mappings.length === 0) return;
    // Lets a connection from the host's 127.0.0.1 leave towards the bridge.
    await writeFile(`/proc/sys/net/ipv4/conf/${this.#options.bridge}/route_localnet`, '1');
    const lines = mappings.map(
      (one) => `create element ip ${this.#options.table} ${this.#element(one, address)}\n`,
    );
    await nft(lines.join(''), signal).catch((error) => {
      const taken = AmphoraError.from(error).message.includes('File exists');
      throw taken
        ? new AmphoraError(
            'Conflict',
            `one of the host ports ${mappings.map((one) => one.hostPort).join(', ')} belongs to another sandbox`,
          )
        : error;
    });
  }

  /** What is not there is no error; a port that another sandbox has got meanwhile stays with it. */
  async shut(mappings: readonly PortMapping[], address: string, signal: AbortSignal): Promise<void> {
    for (const one of mappings) {
      const text = `delete element ip ${this.#options.table} ${this.#element(one, address)}\n`;
      await nft(text, signal).catch((error) => {
        if (!/No such file|does not exist/.test(AmphoraError.from(error).message)) throw error;
      });
    }
  }

  #element({ hostPort, containerPort, protocol, hostIp }: PortMapping, address: string): string {
    const any = hostIp === undefined || hostIp === '' || hostIp === '0.0.0.0';
    const [map, key] = any
      ? [`${protocol}_any`, String(hostPort)]
      : [`${protocol}_at`, `${hostIp} . ${hostPort}`];
    return `${map} { ${key} : ${address} . ${containerPort} }`;
  }

  async purge(signal: AbortSignal): Promise<void> {
    this.#ready = undefined;
    // Declared first, so that the deletion always finds it.
    await nft(`table ip ${this.#options.table} {}\ndelete table ip ${this.#options.table}\n`, signal);
  }
}

async function nft(text: string, signal: AbortSignal): Promise<void> {
  const { exitCode, stderr } = await tryRun('nft', ['-f', '-'], { stdin: text, signal });
  if (exitCode !== 0) throw new AmphoraError('ProcessFailed', `nft failed: ${stderr.trim().slice(0, 2000)}`);
}
