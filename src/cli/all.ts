import type { Command } from 'commander';
import type { CliContext } from './context.ts';
import { completion } from './verbs/completion.ts';
import { doctor } from './verbs/doctor.ts';
import { down } from './verbs/down.ts';
import { image } from './verbs/image.ts';
import { kubeconfig } from './verbs/kubeconfig.ts';
import { quickstart } from './verbs/quickstart.ts';
import { status } from './verbs/status.ts';
import { store } from './verbs/store.ts';
import { up } from './verbs/up.ts';
import { version } from './verbs/version.ts';

/** One verb of the command line: adds itself to the program. */
export type Verb = (program: Command, context: CliContext) => void;

/** In the order `--help` shows them. */
export const VERBS: readonly Verb[] = [
  quickstart,
  up,
  down,
  status,
  doctor,
  kubeconfig,
  image,
  store,
  version,
  completion,
];
