export interface EnvironmentFile {
  readonly values: Readonly<Record<string, string>>;
  /** Each with its line. */
  readonly problems: readonly string[];
}

/**
 * Lines of `NAME=value`, as systemd's `EnvironmentFile=` reads them: blank lines and lines that begin with # or ; are
 * left out, blanks around the value too; quotes around all of it are taken off. What cannot be meant is a problem
 * instead of being guessed at: no name twice, no other program's variables, no lines that go on in the next one.
 */
export function parseEnvironmentFile(text: string): EnvironmentFile {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  const seen = new Map<string, number>();
  for (const [i, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trim();
    const problem = (what: string) => problems.push(`line ${i + 1}: ${what}`);
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const [, name, given] = /^([A-Za-z_]\w*)\s*=(.*)$/.exec(line) ?? [];
    if (name === undefined || given === undefined) {
      problem('expected NAME=value');
      continue;
    }
    const value = unquoted(given.trim());
    const before = seen.get(name);
    seen.set(name, i + 1);
    if (before !== undefined) problem(`${name} is in line ${before} already`);
    else if (name === 'FACEREC_CONFIG') problem('FACEREC_CONFIG cannot name another file from within one');
    else if (!name.startsWith('FACEREC_'))
      problem(`${name}: only FACEREC_ variables are read here; others belong in the environment`);
    else if (value === undefined)
      problem(`${name}: the quotes are not closed, or the line goes on in the next one`);
    else values[name] = value;
  }
  return { values, problems };
}

/** undefined where it cannot be told what is meant. */
function unquoted(text: string): string | undefined {
  const quote = text[0];
  if (quote !== '"' && quote !== "'") return text.endsWith('\\') ? undefined : text;
  if (text.length < 2 || !text.endsWith(quote)) return undefined;
  const inner = text.slice(1, -1);
  if (quote === "'") return inner.includes(quote) ? undefined : inner;
  if (!/^(?:[^"\\]|\\.)*$/.test(inner)) return undefined;
  return inner.replace(/\\(.)/g, '$1');
}
