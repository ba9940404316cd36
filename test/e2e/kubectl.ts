import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { type KubectlVersion, kubectlOf } from './kubectl-binary.ts';

const COMMAND_MS = 60_000;

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly bytes: Buffer;
}

export interface RunOptions {
  readonly stdin?: string | Buffer;
  readonly timeoutMs?: number;
}

/** A kubectl that goes on running: a watch, a port-forward, a log that is followed. */
export interface Running extends AsyncDisposable {
  readonly process: ChildProcess;
  output(): string;
  /** Resolves when what was printed so far matches. @throws with all that was printed, after 20 s. */
  until(pattern: RegExp): Promise<RegExpMatchArray>;
  ended(): Promise<number>;
}

export interface Kubectl {
  /** Runs to its end, whatever the exit code. */
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Standard output of a command that must succeed. @throws with standard error when it does not. */
  ok(args: readonly string[], options?: RunOptions): Promise<string>;
  json<T>(args: readonly string[]): Promise<T>;
  start(args: readonly string[]): Running;
  /** The same with a terminal of util-linux's `script` on its standard streams. */
  onTerminal(args: readonly string[], input: string): Promise<Outcome>;
}

/** An unmodified kubectl that talks to one platform, in one namespace. */
export async function createKubectl(
  version: KubectlVersion,
  options: { kubeconfig: string; namespace?: string },
): Promise<Kubectl> {
  const program = await kubectlOf(version);
  const { kubeconfig, namespace = 'default' } = options;
  // What kubectl keeps of discovery is purged with the platform it came from.
  const cache = join(dirname(kubeconfig), 'kubectl-cache');
  const flags = [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, `--cache-dir=${cache}`];
  const run = (args: readonly string[], given: RunOptions = {}) =>
    runToEnd(program, withFlags(args, flags), given);
  const ok = async (args: readonly string[], given: RunOptions = {}) => {
    const { code, stdout, stderr } = await run(args, given);
    if (code !== 0) throw new Error(`kubectl ${version} ${args.join(' ')}: exit ${code}: ${stderr}${stdout}`);
    return stdout;
  };
  return {
    run,
    ok,
    // The caller names the shape it asked the API for.
    json: async <T>(args: readonly string[]) => JSON.parse(await ok([...args, '-o', 'json'])) as T,
    start: (args) => startProgram(program, withFlags(args, flags)),
    onTerminal: (args, input) => {
      const command = [program, ...withFlags(args, flags)].map(quoted).join(' ');
      return runToEnd('script', ['-qec', command, '/dev/null'], { stdin: input });
    },
  };
}

/** Flags go before what is after `--`, and before a plugin's name could be meant. */
function withFlags(args: readonly string[], flags: readonly string[]): string[] {
  const end = args.indexOf('--');
  return end === -1 ? [...args, ...flags] : [...args.slice(0, end), ...flags, ...args.slice(end)];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function runToEnd(program: string, args: readonly string[], options: RunOptions): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { timeout: options.timeoutMs ?? COMMAND_MS });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => {}); // A program that ends without reading its input is no failure.
    child.stdin.end(options.stdin ?? '');
    child.once('error', reject);
    child.once('close', (code) => {
      const bytes = Buffer.concat(stdout);
      resolve({
        code: code ?? -1,
        bytes,
        stdout: bytes.toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      });
    });
  });
}

function startProgram(program: string, args: readonly string[]): Running {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  const wake = new EventTarget();
  const take = (chunk: Buffer) => {
    output += chunk.toString('utf8');
    wake.dispatchEvent(new Event('output'));
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  child.stdin.on('error', () => {});
  const closed = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? -1));
  });
  return {
    process: child,
    output: () => output,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const give = () =>
          reject(new Error(`kubectl ${args.join(' ')} did not print ${pattern}, but:\n${output}`));
        const timer = setTimeout(give, 20_000);
        const look = () => {
          const match = output.match(pattern);
          if (match === null) return;
          clearTimeout(timer);
          wake.removeEventListener('output', look);
          resolve(match);
        };
        wake.addEventListener('output', look);
        look();
      }),
    ended: () => closed,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await closed;
    },
  };
}
