import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError, type ErrorCode } from '../../lib/errors.ts';
import { tryRun } from '../../lib/run.ts';

export type Command = 'ADD' | 'DEL' | 'CHECK' | 'VERSION';

export interface Invocation {
  readonly command: Command;
  readonly containerId: string;
  /** Empty when the namespace is gone: DEL must do without. */
  readonly netns: string;
  readonly ifName: string;
  readonly args: Readonly<Record<string, string>>;
}

/** Error codes of the specification that say what to do: https://www.cni.dev/docs/spec/#error */
const CODES: Readonly<Record<number, ErrorCode>> = {
  1: 'Invalid',
  2: 'Invalid',
  7: 'Invalid',
  11: 'Unavailable',
};
const TIMEOUT_MS = 30_000;

/** Runs one plugin. @returns what it printed, parsed; undefined when it printed nothing. */
export async function invokePlugin(
  at: { readonly type: string; readonly directories: readonly string[] },
  invocation: Invocation,
  options: { readonly conf: object; readonly signal: AbortSignal },
): Promise<unknown> {
  const program = await findPlugin(at.type, at.directories);
  const env = {
    CNI_COMMAND: invocation.command,
    CNI_CONTAINERID: invocation.containerId,
    CNI_NETNS: invocation.netns,
    CNI_IFNAME: invocation.ifName,
    CNI_ARGS: Object.entries(invocation.args)
      .map(([key, value]) => `${key}=${value}`)
      .join(';'),
    CNI_PATH: at.directories.join(':'),
  };
  const { signal } = options;
  const stdin = JSON.stringify(options.conf);
  const { stdout, stderr, exitCode } = await tryRun(program, [], {
    env,
    stdin,
    signal,
    timeoutMs: TIMEOUT_MS,
  });
  const said = parse(stdout.toString());
  if (exitCode === 0) return said;
  const { code, msg, details } = (said ?? {}) as { code?: number; msg?: string; details?: string }; // only printed
  const what =
    [msg, details].filter((part) => part !== undefined && part !== '').join(': ') ||
    stderr.trim() ||
    `exit status ${exitCode}`;
  throw new AmphoraError(
    CODES[code ?? 0] ?? 'ProcessFailed',
    `network plugin ${at.type} ${invocation.command} failed: ${what}`,
  );
}

async function findPlugin(type: string, directories: readonly string[]): Promise<string> {
  if (type.includes('/'))
    throw new AmphoraError('Invalid', `network plugin type ${type} must not have a slash`);
  for (const directory of directories) {
    const path = join(directory, type);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  throw new AmphoraError(
    'HostLacks',
    `network plugin ${type} is in none of ${directories.join(', ')}; install the package containernetworking-plugins`,
  );
}

function parse(text: string): unknown {
  try {
    return text.trim() === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
