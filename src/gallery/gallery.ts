import type { FaceDescription, FaceEvent, GalleryEvent } from './events.ts';

/** What came to the gallery, or left it for good, through an event. */
export type Change = { readonly added: FaceEvent } | { readonly removed: string };

interface PersonEntry {
  readonly id: string;
  name: string;
  /** Stamp of the last naming and of the last removal; '' sorts before every stamp. */
  namedAt: string;
  removedAt: string;
  /** Ids of the faces, those asked for before `removedAt` excluded. */
  faces: string[];
}

export interface Person {
  readonly id: string;
  readonly name: string;
  /** The oldest first. */
  readonly faces: readonly FaceDescription[];
}

/**
 * The people and faces that a set of events adds up to. The events may come in any order and any number of times, the
 * outcome is the same (a last-writer-wins register a person, a set with permanent removals for faces); so several web
 * servers and workers write without a lock, and a face enrolled before its person was removed never comes back.
 *
 * Embeddings are not kept: whoever wants them takes them from the changes.
 */
export class Gallery {
  readonly #people = new Map<string, PersonEntry>();
  readonly #removedFaces = new Map<string, string>();
  readonly #owners = new Map<string, PersonEntry>();
  readonly #descriptions: Map<string, FaceDescription> | undefined;
  #namings = 0;

  /** @param describes whether what is known of each face is kept, for `person` and `people` */
  constructor(describes = true) {
    this.#descriptions = describes ? new Map() : undefined;
  }

  apply(event: GalleryEvent): Change[] {
    if ('person' in event && event.type !== 'face') this.#namings++;
    switch (event.type) {
      case 'person': {
        const entry = this.#entry(event.person);
        if (event.at > entry.namedAt) {
          entry.namedAt = event.at;
          entry.name = isLive(entry) ? event.name : '';
        }
        return [];
      }
      case 'person-removed':
        return this.#removePerson(this.#entry(event.person), event.at);
      case 'face': {
        const entry = this.#entry(event.person);
        if (this.#removedFaces.has(event.face) || event.face <= entry.removedAt) return [];
        if (this.#owners.has(event.face)) return [];
        entry.faces.push(event.face);
        this.#owners.set(event.face, entry);
        const { type: _, embedding: __, ...description } = event;
        this.#descriptions?.set(event.face, description);
        return [{ added: event }];
      }
      case 'face-removed': {
        if (event.at > (this.#removedFaces.get(event.face) ?? ''))
          this.#removedFaces.set(event.face, event.at);
        const entry = this.#owners.get(event.face);
        if (entry === undefined) return [];
        entry.faces = entry.faces.filter(face => face !== event.face);
        this.#forget(event.face);
        return [{ removed: event.face }];
      }
    }
  }

  /** Where there is such a person now. */
  person(id: string): Person | undefined {
    const entry = this.#people.get(id);
    if (!entry || !isLive(entry)) return undefined;
    const faces = entry.faces.flatMap(face => this.#descriptions?.get(face) ?? []);
    return { id, name: entry.name, faces: faces.sort((a, b) => (a.face < b.face ? -1 : 1)) };
  }

  /** Whether the face is part of the gallery, or will be once its person is named. */
  holds(face: string): boolean {
    return this.#owners.has(face);
  }

  nameOf(id: string): string | undefined {
    const entry = this.#people.get(id);
    return entry && isLive(entry) ? entry.name : undefined;
  }

  /** Whose face it is, among the people there are now. */
  ownerOf(face: string): Person | undefined {
    const owner = this.#owners.get(face);
    return owner && this.person(owner.id);
  }

  /** Another number after each event that may have changed who there is and what they are called. */
  get namings(): number {
    return this.#namings;
  }

  /** Names by id, in no particular order. */
  names(): Map<string, string> {
    return new Map([...this.#people.values()].filter(isLive).map(({ id, name }) => [id, name]));
  }

  /** In the order of their ids. */
  people(): Person[] {
    return [...this.#people.keys()].sort().flatMap(id => this.person(id) ?? []);
  }

  /** People who were removed and are not there again, and the stamps of their removal. */
  removals(): Map<string, string> {
    const gone = [...this.#people.values()].filter(entry => entry.removedAt !== '' && !isLive(entry));
    return new Map(gone.map(({ id, removedAt }) => [id, removedAt]));
  }

  /** Whether the outcome would be another one without this event, which has been applied. */
  needs(event: GalleryEvent): boolean {
    switch (event.type) {
      case 'person': {
        const entry = this.#people.get(event.person);
        return entry !== undefined && isLive(entry) && entry.namedAt === event.at;
      }
      case 'person-removed':
        return this.#people.get(event.person)?.removedAt === event.at;
      case 'face':
        return this.#owners.has(event.face);
      case 'face-removed':
        return this.#removedFaces.get(event.face) === event.at;
    }
  }

  #entry(id: string): PersonEntry {
    const known = this.#people.get(id);
    if (known) return known;
    const entry: PersonEntry = { id, name: '', namedAt: '', removedAt: '', faces: [] };
    this.#people.set(id, entry);
    return entry;
  }

  #removePerson(entry: PersonEntry, at: string): Change[] {
    if (at <= entry.removedAt) return [];
    entry.removedAt = at;
    if (!isLive(entry)) entry.name = '';
    const gone = entry.faces.filter(face => face <= at);
    entry.faces = entry.faces.filter(face => face > at);
    for (const face of gone) this.#forget(face);
    return gone.map(removed => ({ removed }));
  }

  #forget(face: string): void {
    this.#owners.delete(face);
    this.#descriptions?.delete(face);
  }
}

function isLive(entry: PersonEntry): boolean {
  return entry.namedAt > entry.removedAt;
}
