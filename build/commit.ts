/**
 * The first 12 digits of the commit that a project is at, with `-dirty` where files differ from it. Undefined where the
 * project is not in a git repository of its own.
 */
export async function currentCommit(project: string): Promise<string | undefined> {
  const git = async (...words: string[]) => {
    try {
      const child = Bun.spawn(['git', ...words], { cwd: project, stdio: ['ignore', 'pipe', 'ignore'] });
      const text = (await new Response(child.stdout).text()).trim();
      return (await child.exited) === 0 ? text : undefined;
    } catch {
      return undefined;
    }
  };
  // In somebody else's repository, such as one that this project was copied into, the commit says nothing.
  if ((await git('rev-parse', '--show-prefix')) !== '') return undefined;
  const commit = await git('rev-parse', '--short=12', 'HEAD');
  const changes = await git('status', '--porcelain');
  return commit && (changes === '' ? commit : `${commit}-dirty`);
}
