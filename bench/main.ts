import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { makeReport, reportTable } from './report.ts';
import type { Result } from './result.ts';

const USAGE = `npm run bench -- SUITE [options]

Suites:
  start            pods, microVMs and the platform itself: how long until ready, and at what memory
  api              the API server alone: requests per second and their latency, lists, watches, memory.
                   KUBECONFIG=FILE KUBE_APISERVER=URL measure another server with the same requests

Options:
  -o, --output     json (on standard output), or the path of a file to write the JSON into as well
  -n, --samples    how often each thing is measured (default 15)
      --only       what to measure, by parts of names: pod.container,runc
      --pod-cidr   addresses for the pods of the benchmark's own instance (default 10.102.0.0/16)
`;

export interface BenchOptions {
  readonly samples: number;
  readonly podCidr: string;
  readonly only: string;
  readonly signal: AbortSignal;
  /** Says what is being measured now. */
  note(text: string): void;
}

type Suite = (options: BenchOptions) => Promise<readonly Result[]>;

const SUITES: Readonly<Record<string, () => Promise<Suite>>> = {
  start: async () => (await import('./start/suite.ts')).runStart,
  api: async () => (await import('./api/suite.ts')).runApi,
};

process.exitCode = await main();

async function main(): Promise<number> {
  const parsed = readArguments();
  if (parsed === undefined || parsed.values.help) {
    process.stderr.write(USAGE);
    return parsed === undefined ? 2 : 0;
  }
  const { values, positionals } = parsed;
  const load = SUITES[positionals[0] ?? ''];
  const samples = Number(values.samples);
  if (load === undefined || !Number.isInteger(samples) || samples < 1) {
    process.stderr.write(USAGE);
    return 2;
  }
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  process.once('SIGTERM', () => interrupt.abort());
  const suite = await load();
  const results = await suite({
    samples,
    only: values.only,
    podCidr: values['pod-cidr'],
    signal: interrupt.signal,
    note: (text) => process.stderr.write(`${text}\n`),
  });
  const report = makeReport(results);
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (values.output !== '' && values.output !== 'json') await writeFile(values.output, json);
  process.stdout.write(values.output === 'json' ? json : reportTable(report));
  return report.lines.some((line) => line.promises?.some(({ kept }) => !kept)) ? 1 : 0;
}

/** Undefined for words that are not understood. */
function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        output: { type: 'string', short: 'o', default: '' },
        samples: { type: 'string', short: 'n', default: '15' },
        only: { type: 'string', default: '' },
        'pod-cidr': { type: 'string', default: '10.102.0.0/16' },
      },
    });
  } catch {
    return undefined;
  }
}
