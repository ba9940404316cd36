import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { AmphoraError } from '../../lib/errors.ts';
import type { CliContext } from '../context.ts';

export function kubeconfig(program: Command, context: CliContext): void {
  program
    .command('kubeconfig')
    .description("print the administrator's kubeconfig, or where it is")
    .option('--path', 'print the path only', false)
    .addHelpText(
      'after',
      '\nExamples:\n  sudo amphora kubeconfig > ~/.kube/config\n  export KUBECONFIG=$(amphora kubeconfig --path)',
    )
    .action(async (options: { path: boolean }) => {
      const platform = await context.platform(program.opts().instance);
      if (options.path) context.out.write(`${platform.kubeconfig}\n`);
      else context.out.write(await readConfig(platform.kubeconfig));
    });
}

async function readConfig(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const denied = (error as NodeJS.ErrnoException).code === 'EACCES';
    const next = denied ? 'only root may read it: use sudo' : "there is none yet: run 'sudo amphora up'";
    throw new AmphoraError(denied ? 'Forbidden' : 'NotFound', `${path}: ${next}`, { cause: error });
  }
}
