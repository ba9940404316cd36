import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { it } from 'node:test';
import type { ProcessIo } from '../../src/engines/engine.ts';
import type { Suite } from './engine.ts';
import { type Box, NEVER, until } from './engine-harness.ts';

/** Streams that remember what was written to them. */
function collecting(stdin?: string): {
  io: ProcessIo;
  out: () => string;
  err: () => string;
  input: PassThrough;
} {
  const chunks: { out: Buffer[]; err: Buffer[] } = { out: [], err: [] };
  const stdout = new PassThrough().on('data', (chunk: Buffer) => chunks.out.push(chunk));
  const stderr = new PassThrough().on('data', (chunk: Buffer) => chunks.err.push(chunk));
  const input = new PassThrough();
  if (stdin !== undefined) input.end(stdin);
  return {
    io: { stdin: input, stdout, stderr },
    out: () => Buffer.concat(chunks.out).toString(),
    err: () => Buffer.concat(chunks.err).toString(),
    input,
  };
}

function target(box: Box) {
  return { sandboxId: box.spec.id, container: 'main' };
}

/** Logs, exec, attach and dial. */
export function streamTests(suite: Suite): void {
  const { box: make, needs } = suite;

  it('writes the log in the CRI format, both streams', async () => {
    await using box = await make();
    await box.sh('echo out; echo err >&2');
    await box.exited();
    const lines = (await box.log()).map(({ stream, tag, text }) => `${stream} ${tag} ${text}`);
    assert.deepEqual(lines.sort(), ['stderr F err', 'stdout F out']);
  });

  it('marks partial lines and loses no byte of a long one', needs('shell'), async () => {
    await using box = await make();
    await box.sh('printf no-newline');
    await box.exited();
    assert.deepEqual(
      (await box.log()).map(({ tag, text }) => `${tag} ${text}`),
      ['P no-newline'],
    );
    await box.sh('seq -s x 1 20000', { attempt: 1 });
    await box.exited('main', 1);
    const expected = Array.from({ length: 20_000 }, (_, i) => i + 1).join('x');
    const lines = await box.log('main', 1);
    assert.equal(lines.map(({ text }) => text).join(''), expected);
    assert.equal(lines.at(-1)?.tag, 'F');
    assert.ok(lines.length > 1 && lines.slice(0, -1).every(({ tag }) => tag === 'P'));
  });

  it('execs: output, input and exit code', needs('shell'), async (test) => {
    const exec = suite.engine().capabilities.exec;
    if (exec === undefined) return test.skip('capabilities.exec: not offered');
    await using box = await make();
    await box.start(['/bin/sleep', '1000']);
    const streams = collecting('hello');
    const { exitCode } = await exec(
      target(box),
      { args: ['/bin/sh', '-c', 'cat; echo err >&2; echo $COLOUR; exit 5'], terminal: false },
      streams.io,
      NEVER,
    );
    assert.equal(exitCode, 5);
    assert.equal(streams.out(), 'hellogreen\n');
    assert.equal(streams.err(), 'err\n');
    const missing = collecting('');
    const answer = await exec(target(box), { args: ['/no/such'], terminal: false }, missing.io, NEVER);
    assert.ok([126, 127].includes(answer.exitCode), `exit code ${answer.exitCode}`);
  });

  it('execs with a terminal of the right size that can be resized', needs('shell', 'tty'), async (test) => {
    const exec = suite.engine().capabilities.exec;
    if (exec === undefined) return test.skip('capabilities.exec: not offered');
    await using box = await make();
    await box.start(['/bin/sleep', '1000']);
    const streams = collecting();
    const sizes = new PassThrough({ objectMode: true });
    const done = exec(
      target(box),
      {
        args: [
          '/bin/sh',
          '-c',
          'stty size; while [ "$(stty size)" = "43 101" ]; do sleep 0.05; done; stty size; exit 4',
        ],
        terminal: true,
        size: { width: 101, height: 43 },
      },
      { ...streams.io, resize: sizes },
      NEVER,
    );
    await until('the first size', async () => streams.out().includes('43 101'));
    sizes.write({ width: 77, height: 22 });
    const { exitCode } = await done;
    assert.equal(exitCode, 4);
    assert.match(streams.out(), /22 77/);
  });

  it('kills an exec whose caller went away', needs('shell'), async (test) => {
    const exec = suite.engine().capabilities.exec;
    if (exec === undefined) return test.skip('capabilities.exec: not offered');
    await using box = await make();
    await box.start(['/bin/sleep', '1000']);
    const away = new AbortController();
    const streams = collecting('');
    const done = exec(
      target(box),
      { args: ['/bin/sh', '-c', 'echo up; exec sleep 4321'], terminal: false },
      streams.io,
      away.signal,
    );
    await until('it is up', async () => streams.out().includes('up'));
    away.abort();
    await assert.rejects(done);
    await until('the process is gone', async () => {
      const look = collecting('');
      await exec(
        target(box),
        { args: ['/bin/sh', '-c', 'cat /proc/[0-9]*/cmdline'], terminal: false },
        look.io,
        NEVER,
      );
      return look.out().includes('1000') && !look.out().includes('4321');
    });
    assert.equal((await box.status())?.state, 'running');
  });

  it('attaches to the first process', needs('shell'), async (test) => {
    const attach = suite.engine().capabilities.attach;
    if (attach === undefined) return test.skip('capabilities.attach: not offered');
    await using box = await make();
    const { process } = box.container(['x']);
    await box.sh('', {
      process: {
        ...process,
        args: ['/bin/sh', '-c', 'read x; echo got $x; echo bad >&2; exit 6'],
        stdin: true,
      },
    });
    const streams = collecting();
    const done = attach(target(box), streams.io, NEVER);
    streams.input.write('word\n');
    await done;
    assert.equal(streams.out(), 'got word\n');
    assert.equal(streams.err(), 'bad\n');
    assert.equal((await box.exited()).exitCode, 6);
    assert.match(await box.output(), /got word/);
  });

  it('dials a port of the sandbox', needs('shell', 'serve'), async (test) => {
    const dial = suite.engine().capabilities.dial;
    if (dial === undefined) return test.skip('capabilities.dial: not offered');
    await using box = await make();
    await assert.rejects(dial(box.spec.id, 8099, AbortSignal.timeout(5000)));
    await box.start(['/bin/nc', '-ll', '-p', '8099', '-e', '/bin/cat']);
    const socket = await until('a connection', async () =>
      dial(box.spec.id, 8099, NEVER).catch(() => undefined),
    );
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
    });
    socket.write('echo me');
    await until('the echo', async () => heard === 'echo me');
    socket.destroy();
  });
}
