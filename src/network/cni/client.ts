import { AmphoraError } from '../../lib/errors.ts';
import type { PortMapping } from '../network.ts';
import type { ConfList, PluginConf } from './conflist.ts';
import { type Command, invokePlugin } from './plugin.ts';

/** The result of ADD, version 0.3.0 and newer: https://www.cni.dev/docs/spec/#add-success */
export interface CniResult {
  readonly cniVersion?: string;
  readonly interfaces?: ReadonlyArray<{
    readonly name: string;
    readonly mac?: string;
    readonly sandbox?: string;
    readonly mtu?: number;
  }>;
  readonly ips?: ReadonlyArray<{
    readonly address: string;
    readonly gateway?: string;
    readonly interface?: number;
  }>;
  readonly routes?: ReadonlyArray<{ readonly dst: string; readonly gw?: string }>;
}

/** One attachment of a sandbox to a network list. */
export interface Attachment {
  readonly containerId: string;
  readonly netns: string;
  readonly ifName: string;
  readonly args: Readonly<Record<string, string>>;
  readonly portMappings: readonly PortMapping[];
}

/** Newest first. Older ones than these report results in another form and know no CHECK. */
const VERSIONS: readonly string[] = ['1.0.0', '0.4.0', '0.3.1', '0.3.0'];

/** A client of the CNI specification for one list: https://www.cni.dev/docs/spec/#section-3-execution-of-network-configurations */
export class CniClient {
  readonly list: ConfList;
  readonly #directories: readonly string[];
  #version: Promise<string> | undefined;

  constructor(list: ConfList, directories: readonly string[]) {
    this.list = list;
    this.#directories = directories;
  }

  /** Runs the chain; what the last plugin answers is the result. The caller undoes with {@link del} when it throws. */
  async add(attachment: Attachment, signal: AbortSignal): Promise<CniResult> {
    let result: unknown;
    for (const plugin of this.list.plugins)
      result = await this.#call('ADD', { plugin, attachment, prevResult: result }, signal);
    if (typeof result !== 'object' || result === null) {
      throw new AmphoraError(
        'ProcessFailed',
        `network ${this.list.name} attached ${attachment.containerId} without saying how`,
      );
    }
    return result as CniResult; // its members are all optional and read with care
  }

  /** Runs the chain backwards. Every plugin gets its turn, also when one before it failed. */
  async del(attachment: Attachment, prevResult: CniResult | undefined, signal: AbortSignal): Promise<void> {
    const failures: unknown[] = [];
    for (const plugin of [...this.list.plugins].reverse()) {
      await this.#call('DEL', { plugin, attachment, prevResult }, signal).catch((error) =>
        failures.push(error),
      );
    }
    if (failures.length > 0)
      throw AmphoraError.during(
        `detaching ${attachment.containerId} from network ${this.list.name}`,
        failures[0],
      );
  }

  async check(attachment: Attachment, prevResult: CniResult, signal: AbortSignal): Promise<void> {
    if (this.list.disableCheck === true || (await this.#negotiate(signal)).startsWith('0.3')) return;
    for (const plugin of this.list.plugins)
      await this.#call('CHECK', { plugin, attachment, prevResult }, signal);
  }

  async #call(
    command: Command,
    { plugin, attachment, prevResult }: { plugin: PluginConf; attachment: Attachment; prevResult: unknown },
    signal: AbortSignal,
  ): Promise<unknown> {
    const { capabilities, ...own } = plugin;
    const runtimeConfig =
      capabilities?.portMappings === true
        ? { runtimeConfig: { portMappings: attachment.portMappings.map(toCniPort) } }
        : {};
    const conf = {
      ...own,
      cniVersion: await this.#negotiate(signal),
      name: this.list.name,
      ...runtimeConfig,
      ...(prevResult === undefined ? {} : { prevResult }),
    };
    return invokePlugin(
      { type: plugin.type, directories: this.#directories },
      { command, ...attachment },
      { conf, signal },
    );
  }

  /** The newest version, not above the list's, that all its plugins know. */
  #negotiate(signal: AbortSignal): Promise<string> {
    this.#version ??= this.#commonVersion(signal).catch((error: unknown) => {
      this.#version = undefined;
      throw error;
    });
    return this.#version;
  }

  async #commonVersion(signal: AbortSignal): Promise<string> {
    const wanted = VERSIONS.indexOf(this.list.cniVersion);
    let common: readonly string[] = VERSIONS.slice(Math.max(0, wanted));
    for (const { type } of this.list.plugins) {
      const invocation = { command: 'VERSION', containerId: '', netns: '', ifName: '', args: {} } as const;
      const conf = { cniVersion: '1.0.0' };
      const said = await invokePlugin({ type, directories: this.#directories }, invocation, { conf, signal });
      const { supportedVersions = [] } = (said ?? {}) as { supportedVersions?: readonly string[] }; // absent: none
      common = common.filter((one) => supportedVersions.some((known) => known === one));
    }
    const [best] = common;
    if (best === undefined)
      throw new AmphoraError(
        'HostLacks',
        `the plugins of network ${this.list.name} have no CNI version in common; update them to one that knows 0.4.0 or newer`,
      );
    return best;
  }
}

function toCniPort({ hostPort, containerPort, protocol, hostIp }: PortMapping): object {
  return { hostPort, containerPort, protocol, ...(hostIp === undefined ? {} : { hostIP: hostIp }) };
}
