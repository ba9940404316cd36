import { type Command, Option } from 'commander';
import { AmphoraError } from '../../lib/errors.ts';
import type { CliContext } from '../context.ts';
import type { EtcdFlags, LongWork, StoreCheck, StoreTools } from '../platform.ts';
import { formatBytes, formatTable, print } from '../table.ts';
import { withEtcdOptions } from './up.ts';

/** `amphora store …`: what an administrator does with the state of an instance. */
export function store(program: Command, context: CliContext): void {
  const command = program.command('store').description('back up, restore, check or migrate the state');
  const tools = async () => (await context.platform(program.opts().instance)).store;
  backup(command, context, tools);
  restore(command, context, tools);
  check(command, context, tools);
  migrate(command, context, tools);
}

type Tools = () => Promise<StoreTools>;

const FORMAT = ['-o, --output <format>', 'json, or a table for people'] as const;

function backup(command: Command, context: CliContext, tools: Tools): void {
  command
    .command('backup <file>')
    .description('write the state at one revision to a file; the server may run')
    .option(...FORMAT)
    .addHelpText(
      'after',
      '\nThe file holds every Secret. Example:\n  sudo amphora store backup /root/amphora.backup',
    )
    .action(async (file: string, { output }: { output?: string }) => {
      const store = await tools();
      const made = await long(context, `back up to ${file}`, (work) => store.backup(file, work));
      print(context.out, output, made, ({ path, objects, revision, bytes }) =>
        formatTable(
          ['file', 'objects', 'revision', 'size'],
          [[path, String(objects), String(revision), formatBytes(bytes)]],
        ),
      );
    });
}

function restore(command: Command, context: CliContext, tools: Tools): void {
  command
    .command('restore <file>')
    .description('make the state what a backup holds; the server must be stopped')
    .option('--force', 'replace the objects that are there', false)
    .option(...FORMAT)
    .addHelpText(
      'after',
      '\nThe backup is verified first. Objects get new revisions, above all that were ever given out, so that every client lists again.',
    )
    .action(async (file: string, { force, output }: { force: boolean; output?: string }) => {
      const store = await tools();
      const done = await long(context, `restore ${file}`, (work) => store.restore(file, { ...work, force }));
      print(context.out, output, done, describeLoaded);
    });
}

function check(command: Command, context: CliContext, tools: Tools): void {
  command
    .command('check [file]')
    .description('walk the whole state, or a backup, and tell what is wrong; the server may run')
    .option(...FORMAT)
    .action(async (file: string | undefined, { output }: { output?: string }) => {
      const store = await tools();
      const found = await long(context, `check ${file ?? 'the store'}`, (work) => store.check(file, work));
      print(context.out, output, found, describeCheck);
      if (found.faultCount > 0)
        throw new AmphoraError('Corrupt', `${found.faultCount} things are wrong with ${file ?? 'the store'}`);
    });
}

interface MigrateOptions extends EtcdFlags {
  readonly to: 'lmdb' | 'etcd';
  readonly force: boolean;
  readonly output?: string;
}

function migrate(command: Command, context: CliContext, tools: Tools): void {
  withEtcdOptions(command.command('migrate'))
    .description('move the state to another driver; the server must be stopped')
    .addOption(new Option('--to <driver>', 'lmdb or etcd').choices(['lmdb', 'etcd']).makeOptionMandatory())
    .option('--force', 'replace the objects that are there', false)
    .option(...FORMAT)
    .addHelpText(
      'after',
      "\nThe next 'amphora up' uses the new one; the old one stays as it is. Example:\n  sudo amphora down && sudo amphora store migrate --to etcd --etcd-servers https://10.0.0.1:2379 --etcd-cafile ca.crt --etcd-certfile client.crt --etcd-keyfile client.key && sudo amphora up",
    )
    .action(async ({ force, output, ...wanted }: MigrateOptions) => {
      const store = await tools();
      const title = `migrate to ${wanted.to}`;
      const done = await long(context, title, (work) => store.migrate(wanted, { ...work, force }));
      print(context.out, output, done, describeLoaded);
    });
}

function long<T>(context: CliContext, title: string, act: (work: LongWork) => Promise<T>): Promise<T> {
  return context.progress.step(title, (detail) =>
    act({ signal: context.signal, report: (done, of) => detail(`${done} of ${of} objects`) }),
  );
}

function describeLoaded({
  objects,
  revision,
}: {
  readonly objects: number;
  readonly revision: number;
}): string {
  return formatTable(['objects', 'revision'], [[String(objects), String(revision)]]);
}

function describeCheck(found: StoreCheck): string {
  const resources = Object.entries(found.resources).sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = resources.map(([resource, count]) => [resource, String(count)]);
  const verdict = found.faultCount === 0 ? 'nothing is wrong' : `${found.faultCount} things are wrong:`;
  const summary = `${found.source} at revision ${found.revision}: ${found.objects} objects (${formatBytes(found.bytes)}), ${found.events} past changes`;
  return `${formatTable(['resource', 'objects'], rows)}\n${summary}\n${[verdict, ...found.faults].join('\n')}\n`;
}
