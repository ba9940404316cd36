/** What a fake process will do, decided from its arguments before it starts. */
export type Step =
  | { readonly kind: 'print'; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | { readonly kind: 'sleep'; readonly ms: number }
  | { readonly kind: 'exit'; readonly code: number };

/** Undefined: there is no such program. `not executable`: there is, and it may not run. */
export type Script = readonly Step[] | 'missing' | 'not executable';

/** Programs by name; what is in none of these is a server, unless it is called `no-such…`. */
export type Programs = Readonly<Record<string, (args: readonly string[]) => Script>>;

const SECOND_MS = 1000;
/** A server, as far as anybody can tell from outside: it runs until it is stopped. */
const FOREVER: Script = [{ kind: 'sleep', ms: Number.POSITIVE_INFINITY }];

/** The programs of the fake world: a few everybody expects, and servers that run until they are stopped. */
export const FAKE_PROGRAMS: Programs = {
  true: () => [],
  false: () => [{ kind: 'exit', code: 1 }],
  sleep: ([duration = '0']) => [
    { kind: 'sleep', ms: duration === 'infinity' ? Number.POSITIVE_INFINITY : Number(duration) * SECOND_MS },
  ],
  exit: ([code = '0']) => [{ kind: 'exit', code: Number(code) }],
  echo: (args) => [{ kind: 'print', stream: 'stdout', text: `${args.join(' ')}\n` }],
  sh: ([flag, command = '']) => (flag === '-c' ? shell(command) : FOREVER),
  pause: () => FOREVER,
};

/** The script of a command line. `/etc/…` holds no programs, so what is asked for there may not run. */
export function scriptOf(args: readonly string[], programs: Programs): Script {
  const [program = '', ...rest] = args;
  if (program.startsWith('/etc/')) return 'not executable';
  const name = program.slice(program.lastIndexOf('/') + 1);
  if (name.startsWith('no-such')) return 'missing';
  return (Object.hasOwn(programs, name) ? programs[name]?.(rest) : undefined) ?? FOREVER;
}

/** The little of a shell that scripts of tests need: commands after one another, `>&2`, `exit`. */
function shell(command: string): Script {
  const steps: Step[] = [];
  for (const part of command.split(';')) {
    const words = part
      .trim()
      .split(/\s+/)
      .filter((word) => word !== '');
    if (words.length === 0) continue;
    const toStderr = words.at(-1) === '>&2';
    const script = scriptOf(toStderr ? words.slice(0, -1) : words, FAKE_PROGRAMS);
    if (typeof script === 'string')
      return [...steps, { kind: 'exit', code: script === 'missing' ? 127 : 126 }];
    steps.push(
      ...script.map((step) =>
        toStderr && step.kind === 'print' ? { ...step, stream: 'stderr' as const } : step,
      ),
    );
    if (words[0] === 'exit') break;
  }
  return steps;
}
