import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../src/lib/log.ts';
import { tryRun } from '../../src/lib/run.ts';
import { createCniNetwork } from '../../src/network/cni/cni-network.ts';
import { bridgeConfList } from '../../src/network/cni/conflist.ts';
import { createFakeNetwork } from '../../src/network/fake.ts';
import { type NetworkHarness, networkConformance } from './network.ts';

const PLUGINS = ['/opt/cni/bin', '/usr/lib/cni'].filter((path) => existsSync(path));
const BRIDGE = 'amtest0';
const SUBNET = '10.213.0.0/24';
const TABLE = 'amphora_test';

networkConformance({ name: 'fake', open: async () => createFakeNetwork(), close: async () => {} });
networkConformance(cniHarness());

function cniHarness(): NetworkHarness {
  const skip = whyNot();
  const scratch = skip === undefined ? mkdtempSync(join(tmpdir(), 'net-')) : '';
  const base = {
    stateDirectory: join(scratch, 'state'),
    runDirectory: join(scratch, 'netns'),
    log: silentLogger(),
    bridge: BRIDGE,
    subnet: SUBNET,
    table: TABLE,
  };
  const leases = join(scratch, 'state/leases');
  return {
    name: 'cni',
    ...(skip === undefined ? {} : { skip }),
    open: () => createCniNetwork({ ...base, binDirectories: PLUGINS }),
    broken: async () => {
      const bin = join(scratch, 'bin');
      await mkdir(bin, { recursive: true });
      const script =
        '#!/bin/sh\n[ "$CNI_COMMAND" = VERSION ] && echo \'{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}\' && exit\n[ "$CNI_COMMAND" = DEL ] && exit\necho \'{"code":100,"msg":"as told"}\'; exit 1\n';
      await writeFile(join(bin, 'failing'), script, { mode: 0o755 });
      const list = bridgeConfList({ bridge: BRIDGE, subnet: SUBNET, leases });
      const conflist = { ...list, plugins: [...list.plugins, { type: 'failing' }] };
      return createCniNetwork({ ...base, binDirectories: [...PLUGINS, bin], conflist });
    },
    machine: {
      reaches,
      deleteInterface: async (path) =>
        void (await tryRun('nsenter', [`--net=${path}`, 'ip', 'link', 'delete', 'eth0'])),
      leftovers: async (ids) => {
        const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
          .split('\n')
          .filter((line) => ids.some((id) => line.includes(`/${id} `)));
        const files = (await readdir(base.runDirectory)).concat(
          await readdir(join(scratch, 'state/attachments')),
        );
        const held = (await readdir(join(leases, 'amphora')).catch(() => [])).filter((name) =>
          /^\d+\.\d+/.test(name),
        );
        const veths = await tryRun('ip', ['-o', 'link', 'show', 'master', BRIDGE]);
        const ports = await tryRun('nft', ['list', 'map', 'ip', TABLE, 'tcp_any']);
        const elements = ports.stdout
          .toString()
          .split('\n')
          .filter((line) => line.includes(' : ') && !line.includes('type'));
        return [
          ...mounts,
          ...files,
          ...held,
          ...veths.stdout.toString().split('\n').filter(Boolean),
          ...elements,
        ];
      },
      shared: async () => {
        const link = await tryRun('ip', ['-o', 'link', 'show', BRIDGE]);
        const tables = await tryRun('nft', ['list', 'tables']);
        const chains = await tryRun('nft', ['list', 'ruleset']);
        const lines = [...tables.stdout.toString().split('\n'), ...chains.stdout.toString().split('\n')];
        return [
          ...link.stdout.toString().split('\n').filter(Boolean),
          ...lines.filter((line) => line.includes(TABLE) || line.includes('10.213.0.')),
        ];
      },
    },
    close: () => rm(scratch, { recursive: true, force: true }),
  };
}

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  if (PLUGINS.length === 0) return 'needs the package containernetworking-plugins';
  return ['/usr/sbin/nft', '/bin/busybox'].find((path) => !existsSync(path))?.replace(/^/, 'needs ');
}

/** A server that answers `hello` in one namespace, a client in another. */
async function reaches(
  from: string | undefined,
  to: { path: string; port: number; via: string; viaPort: number },
): Promise<boolean> {
  const server = spawn(
    'nsenter',
    [`--net=${to.path}`, '/bin/busybox', 'nc', '-ll', '-p', String(to.port), '-e', '/bin/echo', 'hello'],
    { stdio: 'ignore' },
  );
  try {
    const where = from === undefined ? [] : [`--net=${from}`];
    for (const end = Date.now() + 3000; Date.now() < end; ) {
      const { stdout } = await tryRun(
        'nsenter',
        [...where, '/bin/busybox', 'nc', '-w', '1', to.via, String(to.viaPort)],
        { stdin: '' },
      );
      if (stdout.toString().includes('hello')) return true;
    }
    return false;
  } finally {
    const exit = once(server, 'exit');
    server.kill('SIGKILL');
    await exit;
  }
}
