/** The README with a table between its two markers as it should be. Throws where the markers are missing. */
export function withTable(readme: string, name: string, table: string): string {
  const begin = `<!-- ${name}: written by \`bun run docs\` -->`;
  const end = `<!-- end of ${name} -->`;
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the README lacks "${begin}" before "${end}"`);
  return `${readme.slice(0, from + begin.length)}\n\n${table}\n\n${readme.slice(to)}`;
}

/** Changes the README's file. */
export async function rewriteReadme(change: (readme: string) => string): Promise<void> {
  const readme = Bun.file(new URL('../README.md', import.meta.url));
  await Bun.write(readme, change(await readme.text()));
}
