import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { keyFilesIn } from './key-files.ts';
import { openPki } from './pki.ts';

const DAY_MS = 86_400_000;

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'amphora-pki-'));
  try {
    await use(join(root, 'pki'));
  } finally {
    await rm(root, { recursive: true });
  }
}

function clockAt(now: number) {
  return { now: () => now, sleep: () => Promise.resolve() };
}

test('keys are made once, readable by nobody else, and kept', async () => {
  await withDirectory(async (directory) => {
    const clock = clockAt(Date.now());
    const first = await openPki({ keys: keyFilesIn(directory), clock });
    const server = await first.server(['box.example']);
    const client = await first.client('admin', { user: 'admin', groups: ['system:masters'] });
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    for (const file of ['ca.key', 'server.key', 'admin.key'])
      assert.equal((await stat(join(directory, file))).mode & 0o777, 0o600, file);
    const again = await openPki({ keys: keyFilesIn(directory), clock });
    assert.equal(again.caCertificate, first.caCertificate);
    assert.deepEqual(await again.server(['box.example']), server);
    assert.deepEqual(await again.client('admin', { user: 'admin', groups: ['system:masters'] }), client);
  });
});

test('the server certificate names what clients call it', async () => {
  await withDirectory(async (directory) => {
    const pki = await openPki({ keys: keyFilesIn(directory), clock: clockAt(Date.now()) });
    const certificate = new X509Certificate((await pki.server(['192.0.2.7', 'box.example'])).certificate);
    assert.ok(certificate.checkIssued(new X509Certificate(pki.caCertificate)));
    assert.ok(certificate.verify(new X509Certificate(pki.caCertificate).publicKey));
    for (const name of ['localhost', 'kubernetes.default.svc.cluster.local', 'box.example'])
      assert.ok(certificate.checkHost(name), name);
    for (const address of ['127.0.0.1', '::1', '10.96.0.1', '192.0.2.7'])
      assert.ok(certificate.checkIP(address), address);
    assert.equal(certificate.checkHost('elsewhere.example'), undefined);
    const more = new X509Certificate((await pki.server(['new.example'])).certificate);
    assert.ok(more.checkHost('new.example'), 'a missing name makes a new certificate');
  });
});

test('certificates are renewed before they expire, and when the subject changes', async () => {
  await withDirectory(async (directory) => {
    const now = Date.now();
    const subject = { user: 'system:node:box', groups: ['system:nodes'] };
    const made = await (await openPki({ keys: keyFilesIn(directory), clock: clockAt(now) })).client(
      'node',
      subject,
    );
    const soon = await (
      await openPki({ keys: keyFilesIn(directory), clock: clockAt(now + 100 * DAY_MS) })
    ).client('node', subject);
    assert.deepEqual(soon, made);
    const later = await openPki({ keys: keyFilesIn(directory), clock: clockAt(now + 300 * DAY_MS) });
    const renewed = await later.client('node', subject);
    assert.notEqual(renewed.certificate, made.certificate);
    const other = await later.client('node', { ...subject, user: 'system:node:other' });
    assert.match(new X509Certificate(other.certificate).subject, /CN=system:node:other/);
  });
});

test('a CA without its key is reported, not replaced', async () => {
  await withDirectory(async (directory) => {
    const clock = clockAt(Date.now());
    await openPki({ keys: keyFilesIn(directory), clock });
    await rm(join(directory, 'ca.key'));
    await assert.rejects(openPki({ keys: keyFilesIn(directory), clock }), /not a pair/);
    await writeFile(join(directory, 'ca.key'), 'nonsense');
    await assert.rejects(openPki({ keys: keyFilesIn(directory), clock }), /not a pair/);
  });
});
