import { beforeAll, describe, expect, test } from 'bun:test';
import { cpSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { currentCommit } from '../../build/commit.ts';
import manifest from '../../package.json' with { type: 'json' };
import { programs } from '../../src/variables.ts';
import { start } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { BUILDING, build, executable, executables, root } from './build.ts';
import { outcome } from './jail.ts';

const MB = 1e6;

beforeAll(() => void executables(), BUILDING);

/** The files that the build says are in a program, relative to the project. */
const inputs = (program: string) =>
  readFileSync(join(executables(), 'inputs', `${program}.txt`), 'utf8')
    .trim()
    .split('\n');
const ask = async (program: (typeof programs)[number], word: string) => {
  const { code, output } = await outcome(start([executable(program), word], {}));
  expect(code).toBe(0);
  return output;
};

test.each([
  ['web', 116],
  ['controller', 116],
  ['worker', 190],
] as const)('facerec-%s is not larger than %d MB', (program, limit) => {
  expect(statSync(executable(program)).size / MB).toBeLessThanOrEqual(limit);
});

describe('two builds in different directories', () => {
  const copies = [
    join(temporaryDirectory(), 'one'),
    join(temporaryDirectory(), 'a', 'longer', 'path', 'to', 'another'),
  ];
  const sources = ['build', 'src', 'package.json', 'bun.lock', 'bunfig.toml', 'tsconfig.json', 'LICENSE'];

  test(
    'give the same bytes',
    () => {
      for (const copy of copies) {
        mkdirSync(copy, { recursive: true });
        for (const path of sources) cpSync(join(root, path), join(copy, path), { recursive: true });
        // Links, which a copy by cpSync would not be; in the bundle no path of either copy may show.
        const linked = Bun.spawnSync(['cp', '-rl', join(root, 'node_modules'), copy]);
        if (linked.exitCode !== 0)
          cpSync(join(root, 'node_modules'), join(copy, 'node_modules'), { recursive: true });
        build(join(copy, 'out'), [], copy);
      }
      for (const program of programs) {
        const [one, other] = copies.map(copy => readFileSync(join(copy, 'out', `facerec-${program}`)));
        expect(one!.length).toBeGreaterThan(100 * MB);
        expect(one!.equals(other!)).toBe(true);
        for (const copy of copies) expect(one!.includes(copy)).toBe(false);
      }
    },
    BUILDING,
  );

  test('know no commit outside of a repository', async () => {
    const version = start([join(copies[0]!, 'out', 'facerec-web'), '--version'], {});
    expect(await outcome(version)).toEqual({ code: 0, output: `facerec-web ${manifest.version}\n` });
  });
});

describe('the commit', () => {
  const git = (project: string, ...words: string[]) => {
    const identity = [
      '-c',
      'user.name=test',
      '-c',
      'user.email=test@example.org',
      '-c',
      'commit.gpgsign=false',
    ];
    const { exitCode, stdout, stderr } = Bun.spawnSync(['git', ...identity, ...words], { cwd: project });
    if (exitCode !== 0) throw new Error(String(stderr));
    return stdout.toString().trim();
  };

  test('is told for a clean repository, marked where files differ, absent elsewhere', async () => {
    const project = temporaryDirectory();
    expect(await currentCommit(project)).toBeUndefined();
    git(project, 'init', '--quiet');
    expect(await currentCommit(project)).toBeUndefined();
    await Bun.write(join(project, 'file'), '1');
    git(project, 'add', '.');
    git(project, 'commit', '--quiet', '--message', 'first');
    const commit = git(project, 'rev-parse', 'HEAD').slice(0, 12);
    expect(await currentCommit(project)).toBe(commit);
    await Bun.write(join(project, 'file'), '2');
    expect(await currentCommit(project)).toBe(`${commit}-dirty`);
  });

  test('of somebody else’s repository around the project is not ours', async () => {
    const outer = temporaryDirectory();
    git(outer, 'init', '--quiet');
    await Bun.write(join(outer, 'project', 'file'), '1');
    git(outer, 'add', '.');
    git(outer, 'commit', '--quiet', '--message', 'first');
    expect(await currentCommit(join(outer, 'project'))).toBeUndefined();
  });

  test.each(programs)('facerec-%s tells it', async program => {
    const version = manifest.version.replaceAll('.', '\\.');
    expect(await ask(program, '--version')).toMatch(
      new RegExp(`^facerec-${program} ${version}( \\([0-9a-f]{12}(-dirty)?\\))?\n$`),
    );
  });
});

describe.each(programs)('facerec-%s --licenses', program => {
  const PackageSchema = v.object({ name: v.string(), version: v.string() });
  const packages = () => {
    const folders = inputs(program).flatMap(
      path => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? [],
    );
    return [...new Set(folders)].map(folder => {
      const { name, version } = v.parse(
        PackageSchema,
        JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')),
      );
      return { folder, title: `${name} ${version}` };
    });
  };

  test('lists each package whose files are in it, and no other', async () => {
    const [list] = (await ask(program, '--licenses')).split('\n====');
    const listed = [...list!.matchAll(/^(\S+ \S+) {2,}\S/gm)].map(([, title]) => title!);
    expect(packages().length).toBeGreaterThan(20);
    for (const { title } of packages()) expect(listed).toContain(title);
    const native = listed.filter(title => !packages().some(found => found.title === title));
    // What comes compiled: the run time, and in the worker libvips with its libraries.
    expect(native[0]).toStartWith(`facerec-${program} ${manifest.version}`);
    expect(native).toContain(`bun ${Bun.version}`);
    if (program !== 'worker') expect(native).toHaveLength(2);
    else
      for (const library of ['libvips', 'glib', 'mozjpeg', 'libwebp', 'libpng'])
        expect(native.join()).toContain(`,${library} `);
  });

  test('holds the text of each licence under the names that it applies to', async () => {
    const text = await ask(program, '--licenses');
    for (const { folder, title } of packages()) {
      const heading = text.indexOf(`\n${title}\n`, text.indexOf('\n===='));
      expect({ title, heading }).toEqual({ title, heading: expect.any(Number) });
      expect(heading).toBeGreaterThan(0);
      const own = Bun.file(join(root, folder, 'LICENSE'));
      if (await own.exists()) expect(text.includes((await own.text()).trim())).toBe(true);
    }
    for (const part of [
      'JavaScriptCore',
      'GNU LESSER GENERAL PUBLIC LICENSE',
      'GNU LIBRARY GENERAL PUBLIC LICENSE',
    ])
      expect(text.includes(part)).toBe(true);
    if (program === 'worker')
      for (const part of [
        'THIRD PARTY SOFTWARE NOTICES',
        'Copyright (c) Microsoft',
        'MOZILLA PUBLIC LICENSE',
        'gitguanqi',
      ])
        expect(text.includes(part)).toBe(true);
  });
});

test('the models are in the worker, and in no other program', () => {
  const models = (program: string) => inputs(program).filter(path => path.endsWith('.onnx'));
  expect(
    models('worker')
      .map(path => path.split('/').at(-1))
      .sort(),
  ).toEqual(['fr_detect.onnx', 'fr_feature.onnx', 'fr_landmark.onnx']);
  expect([...models('web'), ...models('controller')]).toEqual([]);
});
