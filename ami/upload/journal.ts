import { appendFile, readFile, rm } from 'node:fs/promises';
import * as v from 'valibot';

const LineSchema = v.union([
  v.object({ snapshot: v.string(), digest: v.string(), region: v.string() }),
  v.object({ block: v.pipe(v.number(), v.integer()) }),
]);

/** What an upload has got done, in a file beside the image: a line for its beginning, and one for each block that EBS has taken. */
export class Journal {
  readonly #path: string;
  readonly #blocks = new Set<number>();

  constructor(path: string) {
    this.#path = path;
  }

  /** The blocks that are in the snapshot already. What tells of another image, snapshot or region is forgotten. */
  async begin(snapshot: string, digest: string, region: string): Promise<ReadonlySet<number>> {
    const begin = { snapshot, digest, region };
    const [first, ...lines] = await this.#read();
    if (first && 'snapshot' in first && JSON.stringify(first) === JSON.stringify(begin)) {
      for (const line of lines) if ('block' in line) this.#blocks.add(line.block);
    } else {
      await this.end();
      await this.#append(begin);
    }
    return this.#blocks;
  }

  async done(block: number): Promise<void> {
    await this.#append({ block });
  }

  async end(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /** A line that was cut off by the end of the process says nothing. */
  async #read(): Promise<v.InferOutput<typeof LineSchema>[]> {
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    return text.split('\n').flatMap(line => {
      const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), LineSchema), line);
      return parsed.success ? [parsed.output] : [];
    });
  }

  /** With a line end before it as well: what a killed process left unfinished stays a line of its own. */
  async #append(line: v.InferOutput<typeof LineSchema>): Promise<void> {
    await appendFile(this.#path, `\n${JSON.stringify(line)}\n`);
  }
}
