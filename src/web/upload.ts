import { baseName, fileNameProblem } from '../core/fileName.ts';
import { readBody, tooLarge } from './body.ts';
import { formatOf, type PhotoFormat } from './format.ts';
import type { Claim } from './memory.ts';
import { type Part, parseMultipart } from './multipart.ts';
import { Problem } from './problem.ts';

/** The field that holds the photo. */
const FIELD = 'inputFile';
/** Room for boundaries, headers and further fields, bytes. */
const MULTIPART_SLACK = 64 * 1024;

const howTo = (field: string) =>
  `Send the photo as multipart/form-data in the field ${field}: curl -F ${field}=@photo.jpg`;

export interface Upload {
  /** A valid file name, without the path that some clients send. */
  readonly file: string;
  readonly photo: Uint8Array;
  readonly contentType: PhotoFormat['contentType'];
  /** The text fields that came with it; the first of a name. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Reads exactly one photo of at most `maxBytes`. Throws the problem to answer with. */
export async function readUpload(
  request: Request,
  maxBytes: number,
  claim: Claim,
  field = FIELD,
): Promise<Upload> {
  const type = request.headers.get('content-type') ?? '';
  if (!/^multipart\/form-data\s*(;|$)/i.test(type)) throw new Problem('not-multipart', `${howTo(field)}.`);
  const body = await readBody(request, maxBytes + MULTIPART_SLACK, { announced: maxBytes, claim });
  const parts = parseMultipart(body, type);
  const part = onlyPhoto(parts, field);
  const fields = new Map(
    parts
      .flatMap(p => (p === part ? [] : [[p.name, new TextDecoder().decode(p.content)] as const]))
      .reverse(),
  );
  return { ...photoOf(part.content, part.fileName, maxBytes), fields };
}

/** Throws the problem with it. `fileName` is undefined for what came as a text field. */
export function photoOf(
  photo: Uint8Array,
  fileName: string | undefined,
  maxBytes: number,
): Omit<Upload, 'fields'> {
  const format = formatOf(photo);
  if (fileName === undefined && !format)
    throw new Problem('not-a-file', 'The photo came as a text field. Send it as a file.');
  if (photo.length === 0) throw new Problem('empty-file', 'The file has no bytes. Send the photo itself.');
  if (photo.length > maxBytes) throw tooLarge(maxBytes);
  if (!format)
    throw new Problem(
      'unsupported-format',
      'Send a JPEG, PNG or WebP file; its first bytes are what counts.',
    );
  return { file: storedName(fileName, format), photo, contentType: format.contentType };
}

function onlyPhoto(parts: readonly Part[], field: string): Part {
  const files = parts.filter(part => part.name === field || part.fileName !== undefined);
  if (files.length > 1) throw new Problem('several-files', 'Send one photo a request.');
  const [file] = files;
  if (file?.name !== field) throw new Problem('missing-file', `There is no field ${field}. ${howTo(field)}.`);
  return file;
}

function storedName(sent: string | undefined, format: PhotoFormat): string {
  if (!sent) return `photo.${format.extension}`;
  const name = baseName(sent);
  const problem = fileNameProblem(name);
  if (problem !== undefined)
    throw new Problem('invalid-file-name', `The file name ${problem}. Rename the file.`);
  return name;
}
