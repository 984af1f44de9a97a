import type { Gallery, Person } from '../gallery/gallery.ts';

interface Entry {
  readonly id: string;
  /** What the order goes by. */
  readonly name: string;
  /** What is searched. */
  readonly text: string;
}

/** Where a page ended: of the last person shown, whether the name began with the text, the folded name, and the id. */
export type Place = readonly [rank: number, name: string, id: string];

export interface PeoplePage {
  readonly people: readonly Person[];
  /** Where the next page begins; undefined at the end. */
  readonly next: Place | undefined;
  /** How many people fit, on all pages. */
  readonly total: number;
}

/** People in the order of their names, found by parts of names and ids. Made anew when somebody has come, gone or been renamed. */
export class Directory {
  readonly #gallery: Gallery;
  #entries: readonly Entry[] = [];
  #idsByName = new Map<string, string>();
  #madeAt = -1;

  constructor(gallery: Gallery) {
    this.#gallery = gallery;
  }

  /**
   * Those whose names or ids hold `text`, in whatever case and with or without accents: first those whose names begin with it.
   * People who come and go meanwhile shift nothing.
   */
  page(text: string, limit: number, after?: Place): PeoplePage {
    const sought = fold(text.trim());
    const [first, rest]: [Entry[], Entry[]] = [[], []];
    for (const entry of this.#upToDate()) {
      if (entry.name.startsWith(sought)) first.push(entry);
      else if (entry.text.includes(sought)) rest.push(entry);
    }
    const [rank, name, id] = after ?? [-1, '', ''];
    const isAfter = (entry: Entry) => entry.name > name || (entry.name === name && entry.id > id);
    const found = [
      ...(rank > 0 ? [] : first.filter(entry => rank < 0 || isAfter(entry))),
      ...(rank > 0 ? rest.filter(isAfter) : rest),
    ];
    const shown = found.slice(0, limit);
    const last = found.length > limit ? shown.at(-1) : undefined;
    return {
      people: shown.flatMap(entry => this.#gallery.person(entry.id) ?? []),
      next: last && [last.name.startsWith(sought) ? 0 : 1, last.name, last.id],
      total: first.length + rest.length,
    };
  }

  /** The person of exactly that name; of several, the one with the first id. */
  named(name: string): Person | undefined {
    this.#upToDate();
    const id = this.#idsByName.get(name);
    return id === undefined ? undefined : this.#gallery.person(id);
  }

  #upToDate(): readonly Entry[] {
    const { namings } = this.#gallery;
    if (namings === this.#madeAt) return this.#entries;
    const names = this.#gallery.names();
    this.#entries = [...names]
      .map(([id, name]) => ({ id, name: fold(name), text: fold(`${name} ${id}`) }))
      .sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id));
    this.#idsByName = new Map(
      [...names].sort(([a], [b]) => compare(b, a)).map(([id, name]) => [name, id] as const),
    );
    this.#madeAt = namings;
    return this.#entries;
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b));

/** Without case and accents. */
function fold(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
}
