import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import type { Finding } from '../platform.ts';
import { formatTable, print } from '../table.ts';

export function doctor(program: Command, context: CliContext): void {
  program
    .command('doctor')
    .description('probe what this machine can run, and say how to get what is missing')
    .option('-o, --output <format>', 'json, or a table for people')
    .addHelpText(
      'after',
      '\nKVM is probed by booting a tiny guest with a deadline, so this takes a few seconds the first time.',
    )
    .action(async (options: { output?: string }) => {
      const platform = await context.platform(program.opts().instance);
      print(context.out, options.output, await platform.doctor(context.signal), findingsTable);
    });
}

function findingsTable(findings: readonly Finding[]): string {
  const rows = findings.map(({ subject, ok, found, remedy }) => [
    subject,
    ok ? 'ok' : 'missing',
    found,
    remedy,
  ]);
  return formatTable(['what', 'state', 'found', 'what to do'], rows);
}
