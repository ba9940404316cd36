import type { Command } from 'commander';
import { AmphoraError } from '../../lib/errors.ts';
import type { CliContext } from '../context.ts';

export function completion(program: Command, context: CliContext): void {
  program
    .command('completion <shell>')
    .description('print a completion script for bash, zsh or fish')
    .addHelpText('after', '\nExample:\n  source <(amphora completion bash)')
    .action((shell: string) => {
      const write = SCRIPTS[shell];
      if (write === undefined)
        throw new AmphoraError('BadRequest', `no completion for ${shell}: bash, zsh or fish`);
      context.out.write(write(wordsOf(program)));
    });
}

/** What may follow `amphora` and each verb with verbs of its own. */
type Words = ReadonlyMap<string, readonly string[]>;

function wordsOf(program: Command): Words {
  const words = new Map([['', nextWords(program)]]);
  for (const verb of program.commands) words.set(verb.name(), nextWords(verb));
  return words;
}

function nextWords(command: Command): string[] {
  return [
    ...command.commands.map((verb) => verb.name()),
    ...command.options.map((option) => option.long ?? ''),
  ].filter((word) => word !== '');
}

const SCRIPTS: Readonly<Record<string, (words: Words) => string>> = {
  bash: (words) => `_amphora() {
  local words
  case "\${COMP_WORDS[1]}" in
${cases(words)}    *) words="${words.get('')?.join(' ')}" ;;
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="${words.get('')?.join(' ')}"
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _amphora amphora
`,
  zsh: (words) => `#compdef amphora
autoload -U +X bashcompinit && bashcompinit
${SCRIPTS.bash?.(words) ?? ''}`,
  fish: (words) =>
    [...words]
      .flatMap(([verb, next]) =>
        next.map((word) => {
          const when = verb === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${verb}`;
          return word.startsWith('--')
            ? `complete -c amphora -n '${when}' -l ${word.slice(2)}`
            : `complete -c amphora -n '${when}' -f -a ${word}`;
        }),
      )
      .join('\n')
      .concat('\n'),
};

function cases(words: Words): string {
  return [...words]
    .filter(([verb]) => verb !== '')
    .map(([verb, next]) => `    ${verb}) words="${next.join(' ')}" ;;\n`)
    .join('');
}
