import * as v from 'valibot';
import { hasControlCharacters, utf8Bytes } from './text.ts';

function nameProblem(name: string, maxBytes: number): string | undefined {
  if (name.trim() !== name || name === '') return 'is empty or has blanks at an end';
  if (!name.isWellFormed() || hasControlCharacters(name))
    return 'holds control characters or invalid Unicode';
  if (name.includes(':')) return 'holds a colon, which ends the file name in plain text answers';
  const bytes = utf8Bytes(name);
  return bytes > maxBytes ? `has ${bytes} bytes, at most ${maxBytes} are allowed` : undefined;
}

/** Why this cannot be a person's name; undefined when it can. At most 200 bytes. */
export function personNameProblem(name: string): string | undefined {
  if (name === 'unknown' || name === 'no-face') return 'is a word that results use where there is no name';
  return nameProblem(name, 200);
}

/** Why this cannot be a person's id; undefined when it can. At most 64 bytes, so that a message stays under 1 KiB. */
export function personIdProblem(id: string): string | undefined {
  if (id === '.' || id === '..' || /[/\\]/.test(id)) return 'holds a path separator or names a directory';
  return nameProblem(id, 64);
}

function checked(problem: (text: string) => string | undefined) {
  return v.pipe(
    v.string(),
    v.rawCheck(({ dataset, addIssue }) => {
      const found = dataset.typed ? problem(dataset.value) : undefined;
      if (found !== undefined) addIssue({ message: found });
    }),
  );
}

export const PersonIdSchema = checked(personIdProblem);
export const PersonNameSchema = checked(personNameProblem);
