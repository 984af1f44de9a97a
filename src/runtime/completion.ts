import type { Program } from '../variables.ts';
import { builtIns, type Command, OPTIONS, type Option, type SHELLS } from './help.ts';

export type Shell = (typeof SHELLS)[number];

/** A script for the shell that completes the program's commands, their words and options, and file names. */
export function completion(shell: Shell, program: Program, commands: readonly Command[]): string {
  const all = [...commands, ...builtIns(commands)].filter(({ name }) => name !== '');
  return scripts[shell](`facerec-${program}`, all);
}

const names = (options: readonly Option[] = []) => [...options.map(({ name }) => name), '--help'];

const scripts: Record<Shell, (program: string, commands: readonly Command[]) => string> = {
  bash(program, commands) {
    const words = [...commands.map(({ name }) => name), ...OPTIONS.map(({ name }) => name)];
    const cases = commands.map(({ name, options, choices = [], files }) => {
      const list = files ? '' : ` ${choices.join(' ')}`;
      return `    ${name}) words='${names(options).join(' ')}${list.trimEnd()}' files=${files ? 1 : 0} ;;`;
    });
    return `# bash completion for ${program}
${identifier(program)}() {
  local word=\${COMP_WORDS[COMP_CWORD]} words files=0
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words='${words.join(' ')}'
  else
    case \${COMP_WORDS[1]} in
${cases.join('\n')}
    *) return ;;
    esac
  fi
  if ((files)) && [[ $word != -* ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  fi
}
complete -F ${identifier(program)} ${program}
`;
  },

  zsh(program, commands) {
    const described = (words: readonly (readonly [string, string])[]) =>
      words.map(([word, about]) => `      ${quoted(`${word.replaceAll(':', '\\:')}:${about}`)}`).join('\n');
    const cases = commands.map(({ name, options = [], choices = [], files }) => {
      const offered = [...options, ...OPTIONS.slice(0, 1)].map(o => [o.name, o.about] as const);
      const words = files ? '_files' : choices.length > 0 ? `compadd -- ${choices.join(' ')}` : ':';
      return `    ${name})
      offered=(
${described(offered)}
      )
      if [[ $PREFIX == -* ]]; then _describe -o option offered; else ${words}; fi
      ;;`;
    });
    return `#compdef ${program}
# zsh completion for ${program}
_${program}() {
  local -a offered
  if (( CURRENT == 2 )); then
    offered=(
${described([...commands, ...OPTIONS].map(({ name, about }) => [name, about] as const))}
    )
    _describe command offered
    return
  fi
  case $words[2] in
${cases.join('\n')}
  esac
}
if [[ \${funcstack[1]} == _${program} ]]; then
  _${program} "$@"
else
  compdef _${program} ${program}
fi
`;
  },

  fish(program, commands) {
    const first = `-n 'test (count (commandline -opc)) -eq 1'`;
    const within = (name: string) =>
      `-n 'test (count (commandline -opc)) -gt 1; and test (commandline -opc)[2] = ${name}'`;
    const line = (...words: readonly string[]) => ['complete', '-c', program, ...words].join(' ');
    const option = (condition: string, { name, about }: Option) =>
      line(condition, '-l', name.slice(2), '-d', quoted(about, 'fish'));
    return [
      `# fish completion for ${program}`,
      line('-f'),
      ...commands.map(({ name, about }) => line(first, '-a', name, '-d', quoted(about, 'fish'))),
      ...OPTIONS.map(o => option(first, o)),
      ...commands.flatMap(({ name, options = [], choices, files }) => [
        ...[...options, ...OPTIONS.slice(0, 1)].map(o => option(within(name), o)),
        ...(files ? [line(within(name), '-F')] : []),
        ...(choices ? [line(within(name), '-a', quoted(choices.join(' '), 'fish'))] : []),
      ]),
      '',
    ].join('\n');
  },
};

const identifier = (program: string) => `_${program.replaceAll('-', '_')}`;

function quoted(text: string, shell: 'zsh' | 'fish' = 'zsh'): string {
  return shell === 'fish' ? `'${text.replaceAll(/['\\]/g, '\\$&')}'` : `'${text.replaceAll("'", "'\\''")}'`;
}
