import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { print } from '../table.ts';

export function version(program: Command, context: CliContext): void {
  program
    .command('version')
    .description('print the version')
    .option('-o, --output <format>', 'json, or text for people')
    .action((options: { output?: string }) => {
      const value = { amphora: context.version, kubernetes: 'v1.36', node: process.version };
      print(
        context.out,
        options.output,
        value,
        ({ amphora, kubernetes, node }) =>
          `amphora ${amphora} (Kubernetes API ${kubernetes}, Node.js ${node})\n`,
      );
    });
}
