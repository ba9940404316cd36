import type { Command } from 'commander';
import { AmphoraError } from '../../lib/errors.ts';
import { projectFile } from '../../lib/program-files.ts';
import type { CliContext } from '../context.ts';
import type { Platform } from '../platform.ts';
import { print } from '../table.ts';
import { showThreeWays, threeWaysTable } from '../three-ways.ts';

const EXAMPLE = 'examples/one-image-three-ways.yaml';

interface QuickstartOptions {
  readonly yes: boolean;
  readonly output?: string;
}

export function quickstart(program: Command, context: CliContext): void {
  program
    .command('quickstart')
    .description('set everything up and run one image as a container, a gVisor sandbox and a microVM')
    .option('-y, --yes', 'install missing packages without asking', false)
    .option('-o, --output <format>', 'json, or a table for people')
    .addHelpText('after', '\nRun again it changes nothing. Remove it all with: sudo amphora down --purge')
    .action(async (options: QuickstartOptions) => {
      const platform = await context.platform(program.opts().instance);
      await installPackages(platform, context, options.yes);
      await context.progress.step('guest kernel and guest program', () =>
        platform.prepareGuest(context.signal),
      );
      await platform.up({ foreground: false }, context.progress, context.signal);
      const image = await context.progress.step('sample image from the distribution’s own files', () =>
        platform.importSampleImage(context.signal),
      );
      const rows = await showThreeWays(platform, context, projectFile(EXAMPLE));
      print(
        context.out,
        options.output,
        rows,
        (all) => `\n${threeWaysTable(all)}${nextSteps(platform, image)}`,
      );
    });
}

async function installPackages(platform: Platform, context: CliContext, yes: boolean): Promise<void> {
  const missing = await platform.missingPackages();
  if (missing.length === 0) return;
  const names = missing.map((one) => one.package).join(' ');
  context.progress.note(`Amphora will install from the distribution: ${names}`);
  if (!yes && (await context.confirm('Install them now?')) !== true) {
    throw new AmphoraError(
      'HostLacks',
      `not installed: ${names}. Run again with --yes, or install them yourself`,
    );
  }
  await context.progress.step('distribution packages', () => platform.installMissingPackages(context.signal));
}

function nextSteps(platform: Platform, image: string): string {
  return `
Try next:
  export KUBECONFIG=${platform.kubeconfig}
  kubectl get pods -o wide
  kubectl exec -it web-microvm -- sh
  kubectl run mine --image=${image} --overrides='{"spec":{"runtimeClassName":"gvisor"}}'
  sudo ./amphora status
  sudo ./amphora down --purge      (removes everything again)
`;
}
