import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AmphoraError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/files.ts';
import { run } from '../lib/run.ts';
import { buildImage, type LayerEntry, ociLayout, packFiles } from './oci-writer.ts';

export const SAMPLE_PORT = 8080;

const BUSYBOX = '/bin/busybox';

const ENTRYPOINT = `#!/bin/sh
# A shell that waits for the server, so that signals that ask for an end are heard.
httpd -f -p ${SAMPLE_PORT} -h /www &
server=$!
trap 'kill $server; exit 0' TERM INT
echo "serving on port ${SAMPLE_PORT}: $(hostname), kernel $(uname -r)"
wait $server
`;

const INFO = `#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
echo "hostname $(hostname)"
echo "kernel $(uname -r)"
`;

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Amphora</title>
<h1>It runs</h1>
<p>One image, three ways: see <a href="/cgi-bin/info">where</a>.</p>
`;

export interface SampleImage {
  /** `sha256:…`, the image's id once it is imported. */
  readonly id: string;
  /** As it was asked for. */
  readonly name: string;
  readonly port: number;
}

/**
 * Makes a small web image out of the distribution's own busybox-static: the page `/index.html` and the CGI
 * `/cgi-bin/info`, which says the host name and the kernel it runs on. The same busybox gives the same digests.
 * @param path an existing directory becomes an OCI layout; anything else becomes a tar of one.
 * @throws HostLacks when busybox-static is not installed.
 */
export async function makeSampleImage(path: string, name: string): Promise<SampleImage> {
  const image = await buildImage({
    layers: [await busyboxLayer(), webLayer()],
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    config: {
      Entrypoint: ['/entrypoint.sh'],
      Env: ['PATH=/bin:/sbin:/usr/bin:/usr/sbin'],
      WorkingDir: '/',
      StopSignal: 'SIGTERM',
      ExposedPorts: { [`${SAMPLE_PORT}/tcp`]: {} },
      Labels: { 'org.opencontainers.image.title': 'amphora sample' },
    },
  });
  const files = ociLayout([{ name, image }]);
  if (await isDirectory(path)) {
    for (const [file, data] of files) {
      const target = join(path, file);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, data);
    }
  } else await writeFileAtomic(path, await packFiles(files));
  return { id: image.id, name, port: SAMPLE_PORT };
}

async function busyboxLayer(): Promise<readonly LayerEntry[]> {
  const binary = await readFile(BUSYBOX).catch((error: unknown) => {
    throw new AmphoraError('HostLacks', `${BUSYBOX} is missing: install the package busybox-static`, {
      cause: error,
    });
  });
  // The interpreter of a program that is linked at run time; such a one would not start in an empty root.
  if (binary.subarray(0, 4096).includes('/ld-linux')) {
    throw new AmphoraError('HostLacks', `${BUSYBOX} is not static: install the package busybox-static`);
  }
  const { stdout } = await run(BUSYBOX, ['--list']);
  const applets = stdout
    .toString()
    .split('\n')
    .filter((applet) => /^[\w.[-]+$/.test(applet) && applet !== 'busybox');
  const directories = ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'usr', 'var'];
  return [
    ...directories.map((path): LayerEntry => ({ path, type: 'directory' })),
    { path: 'tmp', type: 'directory', mode: 0o1777 },
    { path: 'bin/busybox', content: binary, mode: 0o755 },
    ...applets.map((applet): LayerEntry => ({ path: `bin/${applet}`, type: 'symlink', target: 'busybox' })),
    { path: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\nwww:x:33:33:www:/www:/bin/sh\n' },
    { path: 'etc/group', content: 'root:x:0:\nwww:x:33:\nlogs:x:50:www\n' },
  ];
}

function webLayer(): readonly LayerEntry[] {
  return [
    { path: 'www', type: 'directory' },
    { path: 'www/index.html', content: PAGE },
    { path: 'www/cgi-bin', type: 'directory' },
    { path: 'www/cgi-bin/info', content: INFO, mode: 0o755 },
    { path: 'entrypoint.sh', content: ENTRYPOINT, mode: 0o755 },
  ];
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
