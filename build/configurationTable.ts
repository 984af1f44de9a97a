import { EXIT_CODES } from '../src/runtime/help.ts';
import { type Variable, variableNames, variables } from '../src/variables.ts';

/** The configuration table of the README, in Markdown, from the schemas that the programs read. */
export function configurationTable(): string {
  const rows = variableNames.map(name => {
    const { about, unit, default: fallback, programs, reload }: Variable = variables[name];
    const value = fallback === undefined ? '' : `\`${fallback}\`${unit ? ` ${unit}` : ''}`;
    return `| \`${name}\` | ${value} | ${programs.join(', ')} | ${reload ? 'yes' : ''} | ${about} |`;
  });
  return [
    '| variable | default | read by | reload | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function exitCodeTable(): string {
  const rows = EXIT_CODES.map(([code, about]) => `| ${code} | ${about} |`);
  return ['| exit code | meaning |', '| --- | --- |', ...rows].join('\n');
}

const sections = [
  {
    begin: '<!-- configuration: written by `bun run docs` -->',
    end: '<!-- end of configuration -->',
    table: configurationTable,
  },
  {
    begin: '<!-- exit codes: written by `bun run docs` -->',
    end: '<!-- end of exit codes -->',
    table: exitCodeTable,
  },
];

/** The README with its tables as they should be. Throws where the markers are missing. */
export function withTables(readme: string): string {
  return sections.reduce((text, { begin, end, table }) => {
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from < 0 || to < from) throw new Error(`the README lacks "${begin}" before "${end}"`);
    return `${text.slice(0, from + begin.length)}\n\n${table()}\n\n${text.slice(to)}`;
  }, readme);
}

if (import.meta.main) {
  const readme = Bun.file(new URL('../README.md', import.meta.url));
  await Bun.write(readme, withTables(await readme.text()));
}
