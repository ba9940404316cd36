import type { Command } from 'commander';
import type { CliContext } from '../context.ts';

export function down(program: Command, context: CliContext): void {
  program
    .command('down')
    .description('stop the platform; what runs in pods goes on running')
    .option('--purge', 'remove everything Amphora made on this machine, pods and data included', false)
    .addHelpText('after', '\nExamples:\n  sudo amphora down\n  sudo amphora down --purge')
    .action(async (options: { purge: boolean }) => {
      const platform = await context.platform(program.opts().instance);
      await platform.down(options, context.progress, context.signal);
    });
}
