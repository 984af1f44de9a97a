import { variableNames, variables } from '../src/variables.ts';

/** The configuration table of the README, in Markdown, from the schemas that the programs read. */
export function configurationTable(): string {
  const rows = variableNames.map(name => {
    const variable: { about: string; unit?: string; default?: string; programs: readonly string[] } =
      variables[name];
    const { about, unit, default: fallback, programs } = variable;
    const value = fallback === undefined ? '' : `\`${fallback}\`${unit ? ` ${unit}` : ''}`;
    return `| \`${name}\` | ${value} | ${programs.join(', ')} | ${about} |`;
  });
  return ['| variable | default | read by | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

const BEGIN = '<!-- configuration: written by `bun run docs` -->';
const END = '<!-- end of configuration -->';

/** The README with its table as it should be. Throws where the markers are missing. */
export function withConfigurationTable(readme: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the README lacks "${BEGIN}" before "${END}"`);
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${configurationTable()}\n\n${readme.slice(end)}`;
}

if (import.meta.main) {
  const readme = Bun.file(new URL('../README.md', import.meta.url));
  await Bun.write(readme, withConfigurationTable(await readme.text()));
}
