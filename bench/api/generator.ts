/** The load generator: a process of its own, told what to do over Node's channel between parent and child. */
import { Connection } from './connection.ts';
import type { Answers, Command, FanOut, Load, LoadAnswer, Watch } from './load.ts';

const watching: Connection[] = [];
let heard = (): void => {};
let watchers = 0;

process.on('message', (command: Command) => {
  run(command).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit());

function run(command: Command): Promise<Answers[keyof Answers]> {
  switch (command.type) {
    case 'load':
      return load(command);
    case 'watch':
      return watch(command);
    case 'fan-out':
      return fanOut(command);
    case 'unwatch':
      return unwatch();
  }
}

async function load(command: Load): Promise<LoadAnswer> {
  const { requests, method, contentType, first, modulo = Number.MAX_SAFE_INTEGER } = command;
  const path = template(command.path);
  const body = command.body === undefined ? () => undefined : template(command.body);
  const latencies = new Float64Array(requests);
  const connections = await Promise.all(
    Array.from({ length: command.clients }, () => Connection.open(command.to)),
  );
  let next = 0;
  let bytes = 0;
  const client = async (connection: Connection) => {
    for (let index = next++; index < requests; index = next++) {
      const number = String(first + (index % modulo));
      const started = performance.now();
      bytes += await connection.send({ method, path: path(number), contentType, body: body(number) });
      latencies[index] = performance.now() - started;
    }
  };
  try {
    const started = performance.now();
    await Promise.all(connections.map(client));
    return { elapsedMs: performance.now() - started, latencies, bytes };
  } finally {
    for (const connection of connections) await connection[Symbol.asyncDispose]();
  }
}

/** `{n}` replaced, split only once. */
function template(text: string): (number: string) => string {
  const parts = text.split('{n}');
  return (number) => parts.join(number);
}

async function watch({ to, count, path, streamsPerConnection }: Watch): Promise<undefined> {
  const pathOf = template(path);
  for (let number = 0; number < count; number += streamsPerConnection) {
    const connection = await Connection.open(to);
    watching.push(connection);
    const numbers = Array.from(
      { length: Math.min(streamsPerConnection, count - number) },
      (_, i) => number + i,
    );
    await Promise.all(numbers.map((one) => connection.follow(pathOf(String(one)), () => heard())));
  }
  watchers += count;
}

async function fanOut({ to, rounds, method, path, contentType, body }: FanOut): Promise<readonly number[]> {
  await using connection = await Connection.open(to);
  const bodyOf = template(body);
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    let left = watchers;
    const all = new Promise<void>((resolve) => {
      heard = () => {
        left -= 1;
        if (left === 0) resolve();
      };
    });
    const started = performance.now();
    await connection.send({ method, path, contentType, body: bodyOf(`${Date.now()}-${round}`) });
    await all;
    samples.push(performance.now() - started);
  }
  heard = () => {};
  return samples;
}

async function unwatch(): Promise<undefined> {
  for (const connection of watching.splice(0)) await connection[Symbol.asyncDispose]();
  watchers = 0;
}
