import * as v from 'valibot';
import { hasControlCharacters, utf8Bytes } from './text.ts';

/** Bytes of UTF-8. Keeps a message of the request queue under 1 KiB even when every character is escaped. */
export const MAX_FILE_NAME_BYTES = 200;

/** Why this is no file name to store a photo under; undefined when it is one. */
export function fileNameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name === '.' || name === '..') return 'names a directory';
  if (/[/\\]/.test(name)) return 'holds a path separator';
  if (hasControlCharacters(name)) return 'holds control characters';
  if (!name.isWellFormed()) return 'is not valid Unicode';
  const bytes = utf8Bytes(name);
  if (bytes > MAX_FILE_NAME_BYTES) return `has ${bytes} bytes, at most ${MAX_FILE_NAME_BYTES} are allowed`;
  return undefined;
}

export const FileNameSchema = v.pipe(
  v.string(),
  v.check(name => fileNameProblem(name) === undefined, 'not a file name'),
);

/** The last part of what a client sent as file name, which may be a path of its own system (RFC 7578, 4.2). */
export function baseName(sent: string): string {
  return sent.slice(Math.max(sent.lastIndexOf('/'), sent.lastIndexOf('\\')) + 1);
}

/** The name without its last extension: `a.b.jpg` → `a.b`, `.jpg` → `.jpg`. */
export function stemOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(0, dot) : name;
}
