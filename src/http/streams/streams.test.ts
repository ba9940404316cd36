import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { startEchoNode } from '../testing/echo-node.ts';
import { createPod, type Fixture, startFixture } from '../testing/fixture.ts';

const POD = '/api/v1/namespaces/default/pods/web';
let fixture: Fixture;
let node: AsyncDisposable;
before(async () => {
  fixture = await startFixture();
  node = await startEchoNode(fixture, 'box');
  await createPod(fixture.registry, 'web', 'box');
  await createPod(fixture.registry, 'lost', 'elsewhere');
});
after(async () => {
  await node[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});

function open(path: string, protocol: string): WebSocket {
  const { port, pki, admin } = fixture;
  return new WebSocket(`wss://127.0.0.1:${port}${path}`, [protocol], {
    ca: pki.caCertificate,
    cert: admin.certificate,
    key: admin.key,
  });
}

/** All messages until the socket closes, those of one channel joined. */
function collect(socket: WebSocket): Promise<Map<number, string>> {
  const channels = new Map<number, string>();
  return new Promise((resolve, reject) => {
    socket.on('message', (data: Buffer) => {
      const channel = data.readUInt8(0);
      channels.set(channel, (channels.get(channel) ?? '') + data.toString('latin1', 1));
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(channels));
  });
}

test('v5: stdin goes in, is closed by channel 255, comes out, and the status is last', {
  timeout: 10_000,
}, async () => {
  const socket = open(`${POD}/exec?command=cat&stdin=true&stdout=true`, 'v5.channel.k8s.io');
  socket.once('open', () => {
    socket.send(Buffer.from('\0hello '));
    socket.send(Buffer.from('\0there'));
    socket.send(Buffer.from([255, 0]));
  });
  const channels = await collect(socket);
  assert.equal(channels.get(1), 'hello there');
  assert.equal(JSON.parse(channels.get(3) ?? '').status, 'Success');
});

test('v4: a command that fails says its exit code in the status', { timeout: 10_000 }, async () => {
  const channels = await collect(open(`${POD}/exec?command=exit&command=7&stdout=true`, 'v4.channel.k8s.io'));
  const status = JSON.parse(channels.get(3) ?? '');
  assert.deepEqual(status.details.causes, [{ reason: 'ExitCode', message: '7' }]);
});

test('channel.k8s.io: success says nothing on the error channel', { timeout: 10_000 }, async () => {
  const channels = await collect(open(`${POD}/exec?command=hi&stdout=true`, 'channel.k8s.io'));
  assert.deepEqual([channels.get(1), channels.get(3)], ['hi\n', undefined]);
});

test('port-forward over channels begins with the port and carries bytes', { timeout: 10_000 }, async () => {
  const socket = open(`${POD}/portforward?ports=80`, 'v4.channel.k8s.io');
  const echoed = new Promise<string>((resolve, reject) => {
    const seen: string[] = [];
    socket.on('error', reject);
    socket.on('message', (data: Buffer) => {
      seen.push(data.toString('latin1'));
      if (seen.length === 2) socket.send(Buffer.from('\0ping'));
      if (seen.length === 3) resolve(seen.join('|'));
    });
  });
  assert.equal(await echoed, '\0\x50\0|\x01\x50\0|\0ping');
  socket.terminate();
});

const REFUSED: ReadonlyArray<[string, number, RegExp]> = [
  [`${POD}/exec?command=missing&stdout=true`, 400, /waiting to start: ContainerCreating/],
  [`${POD}/exec?stdout=true`, 400, /at least 1 command/],
  [`${POD}/exec?command=x`, 400, /at least 1 of stdin, stdout, stderr/],
  [`${POD}/exec?command=x&stdout=true&container=other`, 400, /container other is not valid for pod web/],
  ['/api/v1/namespaces/default/pods/none/exec?command=x&stdout=true', 404, /pods "none" not found/],
  [
    '/api/v1/namespaces/default/pods/lost/exec?command=x&stdout=true',
    503,
    /node "elsewhere" is not connected/,
  ],
];
for (const [path, status, message] of REFUSED) {
  test(`${path} is answered with ${status}`, { timeout: 10_000 }, async () => {
    const answer = await fixture.call('GET', path, {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        'sec-websocket-protocol': 'v5.channel.k8s.io',
      },
    });
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.json<{ message: string }>().message, message);
  });
}

test('logs come from the node', async () => {
  const answer = await fixture.call('GET', `${POD}/log?tailLines=5&follow=false`);
  assert.equal(answer.json<{ tailLines: number }>().tailLines, 5);
});
