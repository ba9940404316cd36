import { Command } from 'commander';
import { AmphoraError } from '../lib/errors.ts';
import { VERBS } from './all.ts';
import type { CliContext } from './context.ts';

/** What a shell sees: 0 done, 1 failed, 2 wrong words, 3 the machine lacks something, 130 interrupted. */
export const EXIT = { done: 0, failed: 1, usage: 2, hostLacks: 3, interrupted: 130 } as const;

export function createProgram(context: CliContext): Command {
  const program = new Command('amphora')
    .description(
      'Runs the same OCI image as a container, a gVisor sandbox or a microVM, behind the Kubernetes API.',
    )
    .version(context.version, '-V, --version')
    .option('--instance <name>', 'which Amphora on this machine, when there are several', 'amphora')
    .configureOutput({
      writeOut: (text) => context.out.write(text),
      writeErr: (text) => context.err.write(text),
    })
    .showHelpAfterError("(run 'amphora --help' for the verbs)")
    .exitOverride();
  for (const verb of VERBS) verb(program, context);
  return program;
}

/** Runs one command line to its end and says how it went. Never throws. */
export async function runProgram(context: CliContext, args: readonly string[]): Promise<number> {
  try {
    await createProgram(context).parseAsync(args, { from: 'user' });
    return EXIT.done;
  } catch (error) {
    return explain(context, error);
  }
}

function explain(context: CliContext, error: unknown): number {
  if (isCommanderError(error)) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (context.signal.aborted) return EXIT.interrupted;
  const known = AmphoraError.from(error);
  context.err.write(`amphora: ${known.message}\n`);
  if (known.code === 'Internal' && process.env.AMPHORA_DEBUG !== undefined)
    context.err.write(`${known.stack}\n`);
  if (known.code === 'BadRequest') return EXIT.usage;
  return known.code === 'HostLacks' ? EXIT.hostLacks : EXIT.failed;
}

function isCommanderError(error: unknown): error is { code: string; exitCode: number } {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}
