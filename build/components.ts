import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as v from 'valibot';
import manifest from '../package.json' with { type: 'json' };
import { bundle, type Inputs, root, type Target } from './bundle.ts';

/** Something that an executable contains. */
export interface Component {
  readonly name: string;
  readonly version: string;
  /** SPDX expression where there is one, else in words. */
  readonly licence: string;
  readonly purl?: string;
  readonly homepage?: string;
  /** The licence's text, and notices that have to go with it. */
  readonly texts: readonly string[];
}

const licence = (name: string) => readFileSync(join(import.meta.dir, 'licences', `${name}.txt`), 'utf8');

/** Texts that packages do not carry themselves. */
const missing: Readonly<Record<string, () => string[]>> = {
  'onnxruntime-common': () => [licence('onnxruntime')],
  'onnxruntime-node': () => [licence('onnxruntime'), licence('onnxruntime-third-party')],
};

/** Everything in the executable, the program itself first, then by name. */
export async function componentsOf(target: Target): Promise<Component[]> {
  const inputs = await bundle(target, []);
  const parts = [...packagesOf(inputs).map(folder => packageComponent(folder)), bun()];
  if (inputs.includes('addon:sharp')) parts.push(...libvips(target));
  // For another processor, a package can be there twice: its scripts from here, its add-on from there.
  const once = new Map(parts.map(part => [`${part.name} ${part.version}`, part]));
  return [itself(target), ...[...once.values()].sort((a, b) => (a.name < b.name ? -1 : 1))];
}

/** Folders of the packages that the files belong to; of the project's own files there are none. */
function packagesOf(inputs: Inputs): string[] {
  const folders = inputs.flatMap(path => {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path);
    return match ? [join(root, match[1]!)] : [];
  });
  return [...new Set(folders)];
}

const PackageSchema = v.object({
  name: v.string(),
  version: v.string(),
  license: v.string(),
  homepage: v.optional(v.string()),
});

/** @throws Error where the package has no licence text */
function packageComponent(folder: string): Component {
  const description = v.parse(PackageSchema, JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
  const { name, version, license, homepage } = description;
  const files = readdirSync(folder)
    .filter(file => /^(licen[cs]e|copying|notice)(\.(md|txt))?$/i.test(file))
    .sort();
  const own = files.map(file => readFileSync(join(folder, file), 'utf8'));
  const texts = missing[name]?.() ?? (own.length > 0 ? own : standardText(name, license));
  return {
    name,
    version,
    licence: license,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...(homepage && { homepage }),
    texts,
  };
}

function standardText(name: string, license: string): string[] {
  if (license === 'Apache-2.0') return [licence('Apache-2.0')];
  // The table of what it contains, and the licence that asks for its text; each library comes up as its own component.
  if (license === 'LGPL-3.0-or-later') return [licence('LGPL-3'), licence('GPL-3')];
  throw new Error(`${name}: there is no text of its licence (${license})`);
}

function itself({ program, commit }: Target): Component {
  return {
    name: `facerec-${program}`,
    version: manifest.version + (commit ? `+${commit}` : ''),
    licence: manifest.license,
    texts: [readFileSync(join(root, 'LICENSE'), 'utf8')],
  };
}

/** The run time, which contains JavaScriptCore. */
function bun(): Component {
  const text = readFileSync(
    join(root, 'node_modules', 'bun-types', 'docs', 'project', 'license.mdx'),
    'utf8',
  );
  return {
    name: 'bun',
    version: Bun.version,
    licence: 'MIT AND LGPL-2.0-only AND LGPL-2.1-only',
    purl: `pkg:npm/bun@${Bun.version}`,
    homepage: 'https://bun.sh',
    texts: [text.replace(/^---\n.*?\n---\n+/s, ''), licence('LGPL-2'), licence('LGPL-2.1')],
  };
}

/** libvips and what is linked into it, from the tables of licences and versions that its package carries. */
function libvips({ packages, arch }: Target): Component[] {
  const folder = join(packages, '@img', `sharp-libvips-linux-${arch}`);
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const versions: Record<string, string> = v.parse(
    v.record(v.string(), v.string()),
    JSON.parse(readFileSync(join(folder, 'versions.json'), 'utf8')),
  );
  const rows = [...readme.matchAll(/^\| (\S+) +\| (.+?) +\|$/gm)].filter(([, name]) => /^[a-z]/.test(name!));
  if (rows.length < Object.keys(versions).length)
    throw new Error(`${basename(folder)}: the table of licences has too few rows`);
  return rows.map(([, name, terms]) => {
    const version = versions[name!] ?? versions[name!.replace(/^lib/, '')] ?? versions[aliases[name!] ?? ''];
    if (version === undefined) throw new Error(`${basename(folder)}: no version of ${name}`);
    const words = terms!.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1');
    const licence = spdx[words] ?? words;
    return { name: name!, version, licence, texts: [termsText(name!, terms!)] };
  });
}

/** What the table says in words. */
const spdx: Readonly<Record<string, string>> = {
  'BSD 2-Clause': 'BSD-2-Clause',
  'BSD 3-Clause': 'BSD-3-Clause',
  LGPLv3: 'LGPL-3.0-or-later',
  'MIT License': 'MIT',
  'Mozilla Public License 1.1': 'MPL-1.1',
  'New BSD License': 'BSD-3-Clause',
  'freetype License (BSD-like)': 'FTL',
  'libpng License': 'libpng-2.0',
  'libtiff License (BSD-like)': 'libtiff',
  'zlib License': 'Zlib',
};

/** Names in the table of versions that differ from those in the table of licences. */
const aliases: Readonly<Record<string, string>> = {
  libultrahdr: 'uhdr',
  // Part of libvips' own source.
  libnsgif: 'vips',
};

function termsText(name: string, terms: string): string {
  if (name === 'cairo') return licence('MPL-1.1');
  return `${terms.replace(/\[([^\]]+)\]\(([^)]*)\)/g, '$1 <$2>')}${
    terms.includes('LGPLv3') ? ', whose text is given with the package that contains it' : ''
  }\n`;
}

/** Whether the packages of this processor are there. */
export function hasAddons(packages: string, arch: Target['arch']): boolean {
  return existsSync(join(packages, '@img', `sharp-linux-${arch}`));
}
