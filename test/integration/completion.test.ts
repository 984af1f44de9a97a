import { describe, expect, test } from 'bun:test';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programs } from '../../src/variables.ts';
import { run } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const DEADLINE_MS = 300_000;

async function script(shell: string, program: string): Promise<string> {
  const running = run(`src/${program}.ts`, {}, ['completion', shell]);
  await running.child.exited;
  expect(await running.end()).toBe(0);
  return running.output();
}

/** What the shell answers; standard error counts, because a script that works says nothing there. */
async function ask(command: readonly string[], cwd: string): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { PATH: `${process.env.PATH}:${join(cwd, 'bin')}`, HOME: cwd, TERM: 'dumb', LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return output + errors;
}

/** A directory with two photos, one of them with a blank in its name. */
async function place(): Promise<string> {
  const directory = temporaryDirectory();
  for (const file of ['photo one.jpg', 'photo2.jpg', 'text']) await writeFile(join(directory, file), '');
  return directory;
}

const words = (text: string) => text.split('\n').filter(Boolean).sort();

/** A test in a shell that not every machine has. */
function inShell(shell: string, run: () => Promise<void>): void {
  const name = 'commands, their words, files and options';
  if (Bun.which(shell)) test(name, run, DEADLINE_MS);
  else test.skip(`${name}: not tested, because ${shell} is not installed here`, () => {});
}

const FIRST = {
  web: ['--help', '--licenses', '--version', 'completion', 'help'],
  controller: [
    '--help',
    '--licenses',
    '--version',
    'completion',
    'doctor',
    'help',
    'plan',
    'simulate',
    'user-data',
  ],
  worker: ['--help', '--licenses', '--version', 'completion', 'help', 'recognise'],
};

describe('bash', () => {
  const complete = async (program: string, typed: readonly string[]) => {
    const directory = await place();
    const file = join(directory, 'completion.bash');
    await writeFile(file, await script('bash', program));
    const function_ = `_facerec_${program}`;
    const line = [`facerec-${program}`, ...typed].map(word => `'${word}'`).join(' ');
    const commands = `source ${file}; COMP_WORDS=(${line}); COMP_CWORD=${typed.length}; ${function_}; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return words(await ask(['bash', '--norc', '-c', commands], directory));
  };

  test.each(programs)(
    'facerec-%s',
    async program => expect(await complete(program, [''])).toEqual(expect.arrayContaining(FIRST[program])),
    DEADLINE_MS,
  );

  test(
    'commands, their words, files and options',
    async () => {
      expect(await complete('worker', ['rec'])).toEqual(['recognise']);
      expect(await complete('worker', ['recognise', 'photo'])).toEqual(['photo one.jpg', 'photo2.jpg']);
      expect(await complete('worker', ['recognise', 'text', '--'])).toEqual(['--help']);
      expect(await complete('controller', ['doctor', 'w'])).toEqual(['web', 'worker']);
      expect(await complete('controller', ['help', 'd'])).toEqual(['doctor']);
      expect(await complete('web', ['completion', ''])).toEqual(['--help', 'bash', 'fish', 'zsh']);
      expect(await complete('web', ['nonsense', ''])).toEqual([]);
    },
    DEADLINE_MS,
  );
});

describe('fish', () => {
  const complete = async (program: string, typed: string) => {
    const directory = await place();
    const completions = join(directory, '.config/fish/completions');
    await mkdir(completions, { recursive: true });
    // fish has no completions for programs that are not there.
    await mkdir(join(directory, 'bin'));
    await writeFile(join(directory, 'bin', `facerec-${program}`), '#!/bin/sh\n', { mode: 0o755 });
    await writeFile(join(completions, `facerec-${program}.fish`), await script('fish', program));
    const answer = await ask(['fish', '-c', `complete -C 'facerec-${program} ${typed}'`], directory);
    return words(answer).map(line => line.split('\t')[0]!);
  };

  inShell('fish', async () => {
    for (const program of programs) {
      const commands = FIRST[program].filter(word => !word.startsWith('-'));
      expect(await complete(program, '')).toEqual(expect.arrayContaining(commands));
      expect(await complete(program, '--')).toEqual(['--help', '--licenses', '--version']);
    }
    expect(await complete('worker', 'rec')).toEqual(['recognise']);
    expect(await complete('worker', 'recognise photo')).toEqual(['photo one.jpg', 'photo2.jpg']);
    expect(await complete('controller', 'doctor w')).toEqual(['web', 'worker']);
    expect(await complete('controller', 'user-data ')).toEqual([]);
    expect(await complete('web', 'completion ')).toEqual(['bash', 'fish', 'zsh']);
  });
});

describe('zsh', () => {
  /** Presses Tab in an interactive zsh on a terminal of its own, and takes what the script offers (compadd). */
  const complete = async (program: string, typed: string) => {
    const directory = await place();
    await writeFile(join(directory, `_facerec-${program}`), await script('zsh', program));
    await writeFile(
      join(directory, 'rc.zsh'),
      `PS1=
fpath=(${directory} $fpath)
autoload -Uz compinit && compinit -u -D
bindkey '^I' complete-word
compadd() {
  if [[ " \${(j: :)@[1,(i)(-|--)]} " == *' '-[a-zA-Z0-9]#[OAD]' '* ]]; then builtin compadd "$@"; return; fi
  local -a hits
  builtin compadd -A hits "$@"
  (( $#hits )) && print -rl -- "hit:"$^hits
  builtin compadd "$@"
}
finished() { print -r -- the-''end; }
comppostfuncs=(finished)
print -r -- the-''start
`,
    );
    await writeFile(
      join(directory, 'ask.zsh'),
      `zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'source ${directory}/rc.zsh'
zpty -r shell line '*the-start*'
zpty -w -n shell 'facerec-${program} ${typed}'$'\\t'
zpty -r shell line '*the-end*'
print -r -- "$line"
zpty -d shell
`,
    );
    const screen = await ask(['zsh', '-f', 'ask.zsh'], directory);
    return [...screen.matchAll(/hit:([^\r\n]+)/g)].map(([, word]) => word!).sort();
  };

  inShell('zsh', async () => {
    for (const program of programs) {
      expect(await complete(program, '')).toEqual(expect.arrayContaining(FIRST[program]));
      const directory = temporaryDirectory();
      await writeFile(join(directory, 'script'), await script('zsh', program));
      expect(await ask(['zsh', '-n', 'script'], directory)).toBe('');
    }
    expect(await complete('worker', 'rec')).toEqual(['recognise']);
    expect(await complete('worker', 'recognise photo')).toEqual(['photo2.jpg', 'photo\\ one.jpg']);
    expect(await complete('controller', 'doctor w')).toEqual(['web', 'worker']);
    expect(await complete('controller', 'doctor --')).toEqual(['--help']);
    expect(await complete('web', 'completion ')).toEqual(['bash', 'fish', 'zsh']);
  });
});
