import { baseName } from '../../core/fileName.ts';
import { type Part, parseMultipart } from '../multipart.ts';
import { Problem } from '../problem.ts';
import { isZip, readZip, tooMany } from './zip.ts';

/** Of one batch. */
export const MAX_FILES = 1_000;
/** Beside the files. */
const MAX_FIELDS = 20;

export interface BatchFile {
  /** As sent. */
  readonly name: string | undefined;
  /** Throws the problem with this file alone. */
  read(limit: number): Promise<Uint8Array>;
}

const HOW_TO = 'Send photos as multipart/form-data in fields inputFile, or a zip file as application/zip';

/**
 * The files of a batch, those of zip files among them, the text fields, and what makes the batch the same as another:
 * names and contents, whatever the boundaries. Throws a problem with the batch as a whole.
 */
export function filesOf(
  body: Uint8Array,
  contentType: string,
): { files: BatchFile[]; fields: Map<string, string>; pieces: (string | Uint8Array)[] } {
  const parts = partsOf(body, contentType);
  const texts = parts.filter(part => part.fileName === undefined && part.name !== 'inputFile');
  const files = parts.filter(part => !texts.includes(part)).flatMap(filesIn);
  if (files.length === 0) throw new Problem('empty-batch', `There is no file in it. ${HOW_TO}.`);
  if (files.length > MAX_FILES) throw tooMany(MAX_FILES);
  const fields = new Map(texts.map(({ name, content }) => [name, new TextDecoder().decode(content)]));
  const pieces = parts.flatMap(({ name, fileName = '', content }) => [name, fileName, content]);
  return { files, fields, pieces };
}

function partsOf(body: Uint8Array, contentType: string): Part[] {
  if (/^application\/(x-)?zip(-compressed)?\s*(;|$)/i.test(contentType)) {
    if (!isZip(body)) throw new Problem('invalid-zip', 'The body is no zip file.');
    return [{ name: 'inputFile', fileName: 'batch.zip', content: body }];
  }
  if (/^multipart\/form-data\s*(;|$)/i.test(contentType))
    return parseMultipart(body, contentType, MAX_FILES + MAX_FIELDS);
  throw new Problem('not-batch', `${HOW_TO}.`);
}

function filesIn({ fileName, content }: Part): BatchFile[] {
  if (!isZip(content)) return [{ name: fileName, read: async () => content }];
  return readZip(content, MAX_FILES)
    .filter(({ name }) => !isByproduct(name))
    .map(entry => ({
      name: entry.name,
      async read(limit) {
        const unpacked = await entry.read(limit);
        if (isZip(unpacked)) throw new Problem('nested-archive', 'Unpack it and send what is in it.');
        return unpacked;
      },
    }));
}

/** What systems put into archives and nobody asked for. */
function isByproduct(name: string): boolean {
  return name.startsWith('__MACOSX/') || /^(\.|(Thumbs\.db|desktop\.ini)$)/i.test(baseName(name));
}
