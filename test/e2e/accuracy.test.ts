import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { enrol, post } from '../support/client.ts';
import { startSystem } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Labelled photos for development, outside the project: one folder a person, and strangers. */
const faces = join(import.meta.dir, '..', '..', '..', 'shared', 'faces');
if (!existsSync(faces))
  console.log('accuracy gate: skipped, there are no labelled photos at ../shared/faces');

test.skipIf(!existsSync(faces))(
  'accuracy gate: names are right at the default threshold',
  async () => {
    const system = await startSystem(join(temporaryDirectory(), 'data'));
    const names = await readdir(join(faces, 'people'));
    const photo = async (path: string) => ({
      file: path.split('/').at(-1)!,
      bytes: await readFile(join(faces, path)),
    });

    for (const name of names) {
      const answer = await enrol(system.url, name, name, await photo(`people/${name}/${name}_0001.jpg`));
      expect({ name, status: answer.status }).toEqual({ name, status: 201 });
    }

    const label = async (path: string): Promise<string> => {
      const answer = await post(new URL('?wait=120', system.url), await photo(path));
      expect(answer.status).toBe(200);
      return ((await answer.json()) as { label: string }).label;
    };
    const labels = (paths: string[]) =>
      Promise.all(paths.map(async path => ({ path, label: await label(path) })));
    const folders = await Promise.all(
      names.map(async name =>
        (await readdir(join(faces, 'people', name))).map(file => `people/${name}/${file}`),
      ),
    );
    const probes = await labels(folders.flat().filter(path => !path.endsWith('_0001.jpg')));
    const strangers = await labels(
      (await readdir(join(faces, 'strangers'))).map(file => `strangers/${file}`),
    );

    const personOf = (path: string) => path.split('/')[1];
    const right = probes.filter(probe => probe.label === personOf(probe.path));
    const wrong = probes.filter(probe => probe.label !== personOf(probe.path) && names.includes(probe.label));
    const named = strangers.filter(stranger => names.includes(stranger.label));
    console.log(
      `accuracy gate: ${names.length} people, ${right.length} of ${probes.length} probes named right, ` +
        `${wrong.length} wrong, ${named.length} of ${strangers.length} strangers named`,
    );
    expect(probes).toHaveLength(120);
    expect(strangers).toHaveLength(60);
    expect(right.length / probes.length).toBeGreaterThanOrEqual(0.98);
    expect(wrong).toEqual([]);
    expect(named.length).toBeLessThanOrEqual(1);
    expect(await system.end()).toBe(0);
  },
  300_000,
);
