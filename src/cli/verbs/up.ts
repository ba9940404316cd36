import { type Command, Option } from 'commander';
import { AmphoraError } from '../../lib/errors.ts';
import type { CliContext } from '../context.ts';
import type { UpOptions } from '../platform.ts';

export function up(program: Command, context: CliContext): void {
  const command = program
    .command('up')
    .description('start the platform on this machine, in the background')
    .option('--port <number>', 'TCP port of the API (default 6443; remembered)', parsePort)
    .option('--host <address>', 'address the API listens on (default 127.0.0.1; remembered)')
    .option('--node-name <name>', 'name of this node (default: the host name; remembered)')
    .option('--pod-cidr <cidr>', 'addresses of pods (default 10.88.0.0/16; remembered)')
    .addOption(
      new Option(
        '--store <driver>',
        'lmdb (default); etcd to share it with other servers; memory to forget everything (remembered)',
      ).choices(['lmdb', 'etcd', 'memory']),
    )
    .option(
      '--pki <directory>',
      "another server's pki directory, to be one cluster with it (first start only)",
    )
    .option('--foreground', 'stay until Ctrl-C and print the logs', false);
  withAccessOptions(withEtcdOptions(command))
    .addHelpText(
      'after',
      '\nExamples:\n  sudo amphora up\n  sudo amphora up --foreground\n  sudo amphora --instance test up --port 7443 --pod-cidr 10.99.0.0/16\n  sudo amphora up --store etcd --etcd-servers https://10.0.0.1:2379 --etcd-cafile ca.crt --etcd-certfile client.crt --etcd-keyfile client.key',
    )
    .action(async (options: UpOptions) => {
      const platform = await context.platform(program.opts().instance);
      await platform.up(options, context.progress, context.signal);
      if (!options.foreground)
        context.progress.note(
          `\nThe API is up. Try:\n  export KUBECONFIG=${platform.kubeconfig}\n  kubectl get nodes`,
        );
    });
}

/** Where etcd is and what to show to it; the same words for each verb that needs to know. */
export function withEtcdOptions(command: Command): Command {
  return command
    .option('--etcd-servers <urls>', 'https://host:2379, separated by commas (remembered)', parseUrls)
    .option('--etcd-prefix <prefix>', 'before every key in etcd (default /amphora/; remembered)')
    .option('--etcd-cafile <file>', "authority of etcd's certificate, PEM (remembered)")
    .option('--etcd-certfile <file>', 'certificate to show to etcd, PEM (remembered)')
    .option('--etcd-keyfile <file>', 'its key, PEM (remembered)');
}

/** Files that say who may call, who decides and what is written down. */
function withAccessOptions(command: Command): Command {
  return command
    .option(
      '--authentication-config <file>',
      'AuthenticationConfiguration: issuers of JWTs (OpenID Connect), what is open to anonymous callers; YAML (remembered)',
    )
    .option(
      '--authentication-token-webhook-config <file>',
      'kubeconfig of a service that is asked whose a token is, with a TokenReview (remembered)',
    )
    .option(
      '--authorization-webhook-config <file>',
      'kubeconfig of a service that is asked what a caller may when RBAC does not allow it, with a SubjectAccessReview (remembered)',
    )
    .option(
      '--audit-policy <file>',
      'audit.k8s.io/v1 Policy: which requests are written down; YAML (remembered)',
    )
    .option(
      '--audit-log <file>',
      'where they are, a JSON line each (default: audit/audit.log beside the logs; remembered)',
    )
    .option(
      '--audit-webhook-config <file>',
      'kubeconfig of a service that gets them too, as EventLists (remembered)',
    );
}

function parseUrls(text: string): readonly string[] {
  const urls = text.split(',').map((url) => url.trim());
  const wrong = urls.find((url) => !/^https?:$/.test(URL.parse(url)?.protocol ?? ''));
  if (wrong === undefined) return urls;
  throw new AmphoraError('BadRequest', `--etcd-servers ${JSON.stringify(wrong)}: use https://host:port`);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new AmphoraError('BadRequest', `--port ${text}: not a TCP port (1 to 65535)`);
}
