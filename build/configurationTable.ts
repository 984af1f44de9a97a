import { EXIT_CODES } from '../src/runtime/help.ts';
import { type Variable, variableNames, variables } from '../src/variables.ts';
import { rewriteReadme, withTable } from './readmeTable.ts';

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

/** The README with its tables as they should be. Throws where the markers are missing. */
export function withTables(readme: string): string {
  return withTable(withTable(readme, 'configuration', configurationTable()), 'exit codes', exitCodeTable());
}

if (import.meta.main) await rewriteReadme(withTables);
