import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Node } from '../../api/types.generated.ts';
import type { Client } from '../../client/client.ts';
import type { ImageProgress, ImageSummary, NodeActions } from '../../client/node-actions.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { CliContext } from '../context.ts';
import { formatBytes, formatTable, print } from '../table.ts';

type Connection = Client & NodeActions;

export function image(program: Command, context: CliContext): void {
  const group = program.command('image').description('images on a node: import, pull, ls, rm');
  const onNode = async <T>(
    options: { node?: string },
    work: (client: Connection, node: string) => Promise<T>,
  ): Promise<T> => {
    const platform = await context.platform(program.opts().instance);
    await using stack = new AsyncDisposableStack();
    const client = stack.adopt(await platform.connect(), (open) => open.close());
    return await work(client, options.node ?? (await onlyNode(client, context.signal)));
  };
  importVerb(group, context, onNode);
  pullVerb(group, context, onNode);
  listVerb(group, context, onNode);
  removeVerb(group, context, onNode);
}

type OnNode = <T>(
  options: { node?: string },
  work: (client: Connection, node: string) => Promise<T>,
) => Promise<T>;

function importVerb(group: Command, context: CliContext, onNode: OnNode): void {
  group
    .command('import <archive>')
    .description('import an OCI layout or docker archive (a tar file)')
    .option('--name <reference>', 'what to call it where the archive does not say')
    .option('--node <name>', 'which node, when there are several')
    .addHelpText('after', '\nExample:\n  docker save web:1 -o web.tar && sudo amphora image import web.tar')
    .action(async (archive: string, options: { name?: string; node?: string }) => {
      await access(archive).catch((cause) => {
        throw new AmphoraError('BadRequest', `${archive} can't be read: give the path of a tar file`, {
          cause,
        });
      });
      await onNode(options, async (client, node) => {
        const images = await context.progress.step(`import ${archive}`, (detail) =>
          client.importImage(node, createReadStream(archive), {
            signal: context.signal,
            onProgress: (event) => detail(describeProgress(event)),
            ...(options.name === undefined ? {} : { name: options.name }),
          }),
        );
        context.out.write(imagesTable(images));
      });
    });
}

function pullVerb(group: Command, context: CliContext, onNode: OnNode): void {
  group
    .command('pull <reference>')
    .description('pull an image from its registry')
    .option('--node <name>', 'which node, when there are several')
    .action(async (reference: string, options: { node?: string }) => {
      await onNode(options, async (client, node) => {
        const pulled = await context.progress.step(`pull ${reference}`, (detail) =>
          client.pullImage(node, reference, {
            signal: context.signal,
            onProgress: (event) => detail(describeProgress(event)),
          }),
        );
        context.out.write(imagesTable([pulled]));
      });
    });
}

function listVerb(group: Command, context: CliContext, onNode: OnNode): void {
  group
    .command('ls')
    .description('list images')
    .option('--node <name>', 'which node, when there are several')
    .option('-o, --output <format>', 'json, or a table for people')
    .action(async (options: { node?: string; output?: string }) => {
      await onNode(options, async (client, node) => {
        print(context.out, options.output, await client.listImages(node, context.signal), imagesTable);
      });
    });
}

function removeVerb(group: Command, context: CliContext, onNode: OnNode): void {
  group
    .command('rm <reference...>')
    .description('remove images that no pod uses')
    .option('--node <name>', 'which node, when there are several')
    .action(async (references: string[], options: { node?: string }) => {
      await onNode(options, async (client, node) => {
        for (const reference of references) {
          await client.removeImage(node, reference, context.signal);
          context.out.write(`removed ${reference}\n`);
        }
      });
    });
}

async function onlyNode(client: Client, signal: AbortSignal): Promise<string> {
  const { items } = await client.list<Node>({ apiVersion: 'v1', resource: 'nodes' }, {}, { signal });
  const names = items.map((node) => node.metadata?.name ?? '');
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  const why =
    names.length === 0
      ? 'no node has registered yet: is the platform up?'
      : `there are several nodes: add --node (${names.join(', ')})`;
  throw new AmphoraError('BadRequest', why);
}

function describeProgress(event: ImageProgress): string {
  const share = event.totalBytes > 0 ? ` ${Math.floor((100 * event.bytes) / event.totalBytes)} %` : '';
  return `${event.layer.slice(0, 19)} ${event.phase}${share}`;
}

function imagesTable(images: readonly ImageSummary[]): string {
  const rows = images.flatMap((one) =>
    (one.names.length === 0 ? ['<none>'] : one.names).map((name) => [
      name,
      one.id.slice(7, 19),
      formatBytes(one.sizeBytes),
      one.created,
    ]),
  );
  return formatTable(['name', 'id', 'size', 'created'], rows);
}
