/** `npm run fuzz -- [--requests 100000] [--seed N]`: the whole API under requests that are in order and ones that are not. */
import { parseArgs } from 'node:util';
import { runFuzz } from './run.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const [requests, seed] = [Number(values.requests), Number(values.seed)];
console.log(`${requests} requests, seed ${seed}`);
let said = Date.now();
const { statuses, faults } = await runFuzz({
  seed,
  requests,
  progress: (answered) => {
    if (Date.now() - said < 5000) return;
    said = Date.now();
    console.log(`${answered} answered`);
  },
});
for (const fault of faults) console.error(`\n${fault.message}`, fault.cause ?? '');
process.exitCode = faults.length === 0 ? 0 : 1;
for (const [status, count] of [...statuses].sort(([a], [b]) => a - b)) console.log(`${status}  ${count}`);
