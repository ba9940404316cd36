/** Runs in the guest: the wanted tests of the engine's suite and those of limits, told to the host as they end. */
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';
import { type Line, wantedNames } from '../protocol.ts';

const port = openSync('/dev/vport0p1', 'r+');

tell({ kind: 'booted' });
const files = [join(import.meta.dirname, 'suite.mjs')];
const testNamePatterns = wantedNames();
for await (const event of run({ files, isolation: 'none', testNamePatterns })) {
  if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
  const { name, details, skip } = event.data;
  if (details.type === 'suite' && event.type === 'test:pass') continue;
  const milliseconds = Math.round(details.duration_ms);
  if (event.type === 'test:fail') {
    tell({
      kind: 'failed',
      name,
      milliseconds,
      message: inspect(event.data.details.error.cause ?? event.data.details.error, { depth: 2 }),
    });
  } else if (skip !== undefined && skip !== false) {
    tell({ kind: 'skipped', name, reason: String(skip) });
  } else {
    tell({ kind: 'passed', name, milliseconds });
  }
}
tell({ kind: 'end' });

/** The whole line is with the host when this returns. */
function tell(line: Line): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let written = 0; written < bytes.length; ) written += writeSync(port, bytes, written);
}
