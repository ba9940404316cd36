import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseCertificateRequest } from '../../api/certificates/certificate-request.ts';
import type { CertificateSigningRequest } from '../../api/types.generated.ts';
import { planCertificate } from './plan.ts';

const NOW = Date.UTC(2026, 0, 2);
const at = (msAgo: number) => new Date(NOW - msAgo).toISOString();
const HOUR = 3600_000;
let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'amphora-csr-'));
});
after(() => rmSync(directory, { recursive: true }));

/** By the program everybody uses, so that our parser reads what others write. */
function requestPem(subject: string, options: { names?: string; key?: string } = {}): string {
  const { names, key = 'ec' } = options;
  const algorithm =
    key === 'rsa' ? ['-newkey', 'rsa:2048'] : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const output = execFileSync(
    'openssl',
    [
      'req',
      '-new',
      '-nodes',
      ...algorithm,
      '-keyout',
      join(directory, 'key.pem'),
      '-subj',
      subject,
      ...(names === undefined ? [] : ['-addext', `subjectAltName=${names}`]),
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  return output.toString();
}

function csr(pem: string, more: Partial<CertificateSigningRequest['spec']> = {}): CertificateSigningRequest {
  return {
    metadata: { name: 'x', creationTimestamp: at(1000) },
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['client auth', 'digital signature'],
      username: 'system:node:box',
      ...more,
    },
  };
}

function decided(of: CertificateSigningRequest, type: string, msAgo = 0): CertificateSigningRequest {
  const condition = { type, status: 'True', lastUpdateTime: at(msAgo) };
  return { ...of, status: { conditions: [condition] } };
}

test('a request is read as it was written: subject, names, either kind of key', () => {
  const pem = requestPem('/O=devs/O=ops/CN=jane doe', {
    names: 'DNS:a.example,IP:10.0.0.1,email:x@y.z,URI:spiffe://a',
    key: 'rsa',
  });
  const { addresses, ...rest } = parseCertificateRequest(pem);
  assert.deepEqual(rest, {
    commonName: 'jane doe',
    organizations: ['devs', 'ops'],
    dnsNames: ['a.example'],
    emails: ['x@y.z'],
    uris: ['spiffe://a'],
  });
  assert.deepEqual([...(addresses[0] ?? [])], [10, 0, 0, 1]);
});

test('what is broken, cut or signed by another key is refused, never read past its end', () => {
  const pem = requestPem('/O=system:nodes/CN=system:node:box');
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const wrap = (bytes: Buffer) =>
    `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  parseCertificateRequest(wrap(der));
  for (let at = 0; at < der.length; at++) {
    const changed = Buffer.from(der);
    changed[at] = (changed[at] ?? 0) ^ 0x41;
    assert.throws(() => parseCertificateRequest(wrap(changed)), { code: 'BadRequest' }, `byte ${at}`);
    assert.throws(
      () => parseCertificateRequest(wrap(der.subarray(0, at))),
      { code: 'BadRequest' },
      `cut at ${at}`,
    );
  }
  for (const text of [
    '',
    'x',
    pem.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE'),
    `${'A'.repeat(100_000)}`,
  ])
    assert.throws(() => parseCertificateRequest(text), { code: 'BadRequest' });
});

test('a node asks for itself, or for a first certificate; others wait for a person', () => {
  const own = csr(requestPem('/O=system:nodes/CN=system:node:box'));
  const rights = (of: CertificateSigningRequest) => {
    const step = planCertificate(of, NOW);
    return step?.kind === 'review' ? step.rights.map(({ subresource }) => subresource) : step?.kind;
  };
  assert.deepEqual(rights(own), ['selfnodeclient', 'nodeclient']);
  assert.deepEqual(rights({ ...own, spec: { ...own.spec, username: 'system:bootstrap:abcdef' } }), [
    'nodeclient',
  ]);
  assert.equal(rights(csr(requestPem('/O=system:masters/CN=system:node:box'))), undefined);
  assert.equal(
    rights({ ...own, spec: { ...own.spec, usages: ['server auth', 'digital signature'] } }),
    undefined,
  );
  assert.equal(
    rights({ ...own, spec: { ...own.spec, signerName: 'kubernetes.io/kube-apiserver-client' } }),
    undefined,
  );
});

const SIGNED: ReadonlyArray<[string, string, string, string | undefined, readonly string[], boolean]> = [
  ['kube-apiserver-client', 'any subject', '/CN=jane/O=devs', undefined, ['client auth'], true],
  ['kube-apiserver-client', 'for servers', '/CN=jane', undefined, ['client auth', 'server auth'], false],
  [
    'kube-apiserver-client-kubelet',
    'a node',
    '/O=system:nodes/CN=system:node:b',
    undefined,
    ['client auth', 'digital signature'],
    true,
  ],
  [
    'kube-apiserver-client-kubelet',
    'with names',
    '/O=system:nodes/CN=system:node:b',
    'DNS:b',
    ['client auth', 'digital signature'],
    false,
  ],
  [
    'kube-apiserver-client-kubelet',
    'a person',
    '/O=system:nodes/CN=jane',
    undefined,
    ['client auth', 'digital signature'],
    false,
  ],
  [
    'kubelet-serving',
    'a node',
    '/O=system:nodes/CN=system:node:b',
    'IP:10.0.0.1',
    ['server auth', 'digital signature'],
    true,
  ],
  [
    'kubelet-serving',
    'without names',
    '/O=system:nodes/CN=system:node:b',
    undefined,
    ['server auth', 'digital signature'],
    false,
  ],
  [
    'kubelet-serving',
    'with a URI',
    '/O=system:nodes/CN=system:node:b',
    'DNS:b,URI:a://b',
    ['server auth', 'digital signature'],
    false,
  ],
];
for (const [signer, what, subject, names, usages, good] of SIGNED) {
  test(`${signer} ${good ? 'signs' : 'refuses'}: ${what}`, () => {
    const pem = requestPem(subject, names === undefined ? {} : { names });
    const of = csr(pem, { signerName: `kubernetes.io/${signer}`, usages: [...usages] });
    assert.equal(planCertificate(decided(of, 'Approved'), NOW)?.kind, good ? 'sign' : 'fail');
    assert.notEqual(planCertificate(of, NOW)?.kind, 'sign');
    assert.equal(planCertificate(decided(of, 'Denied'), NOW), undefined);
  });
}

test('another signer is left alone; a lifetime is kept within bounds', () => {
  const pem = requestPem('/CN=jane');
  const client = { signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] };
  assert.equal(
    planCertificate(decided(csr(pem, { ...client, signerName: 'example.com/own' }), 'Approved'), NOW),
    undefined,
  );
  for (const [asked, given] of [
    [600, 600],
    [3600, 3600],
    [2 ** 30, 365 * 86400],
  ] as const)
    assert.deepEqual(
      planCertificate(decided(csr(pem, { ...client, expirationSeconds: asked }), 'Approved'), NOW),
      {
        kind: 'sign',
        seconds: given,
      },
    );
});

test('what is done goes after an hour, what nobody decides after a day', () => {
  const pending = csr(requestPem('/CN=jane'), { signerName: 'example.com/own' });
  const made = (msAgo: number) => ({ ...pending, metadata: { name: 'x', creationTimestamp: at(msAgo) } });
  assert.equal(planCertificate(made(23 * HOUR), NOW), undefined);
  assert.deepEqual(planCertificate(made(25 * HOUR), NOW), { kind: 'delete' });
  assert.equal(planCertificate(decided(made(25 * HOUR), 'Approved', 2 * HOUR), NOW), undefined);
  assert.equal(planCertificate(decided(made(25 * HOUR), 'Denied', 0.5 * HOUR), NOW), undefined);
  assert.deepEqual(planCertificate(decided(made(25 * HOUR), 'Denied', 2 * HOUR), NOW), { kind: 'delete' });
});
