import type { FaceEvent, GalleryEvent } from './events.ts';

/** What became visible or vanished through an event. */
export type Change = { readonly added: FaceEvent } | { readonly removed: string };

interface PersonEntry {
  name: string;
  /** Stamp of the last naming and of the last removal; '' sorts before every stamp. */
  namedAt: string;
  removedAt: string;
  /** Faces by id, those asked for before `removedAt` excluded. */
  readonly faces: Map<string, FaceEvent>;
}

export interface Person {
  readonly id: string;
  readonly name: string;
  /** The oldest first. */
  readonly faces: readonly FaceEvent[];
}

/**
 * The people and faces that a set of events adds up to. The events may come in any order and any number of times, the
 * outcome is the same (a last-writer-wins register a person, a set with permanent removals for faces); so several web
 * servers and workers write without a lock, and a face enrolled before its person was removed never comes back.
 */
export class Gallery {
  readonly #people = new Map<string, PersonEntry>();
  readonly #removedFaces = new Map<string, string>();
  readonly #owners = new Map<string, string>();

  apply(event: GalleryEvent): Change[] {
    switch (event.type) {
      case 'person':
        return this.#changePerson(event.person, entry => {
          if (event.at <= entry.namedAt) return;
          entry.name = event.name;
          entry.namedAt = event.at;
        });
      case 'person-removed':
        return this.#changePerson(event.person, entry => {
          if (event.at <= entry.removedAt) return;
          entry.removedAt = event.at;
        });
      case 'face': {
        const entry = this.#entry(event.person);
        if (this.#removedFaces.has(event.face) || event.face <= entry.removedAt) return [];
        if (entry.faces.has(event.face)) return [];
        entry.faces.set(event.face, event);
        this.#owners.set(event.face, event.person);
        return isLive(entry) ? [{ added: event }] : [];
      }
      case 'face-removed': {
        this.#removedFaces.set(event.face, event.at);
        const owner = this.#owners.get(event.face);
        if (owner === undefined) return [];
        const entry = this.#entry(owner);
        this.#owners.delete(event.face);
        entry.faces.delete(event.face);
        return isLive(entry) ? [{ removed: event.face }] : [];
      }
    }
  }

  /** Where there is such a person now. */
  person(id: string): Person | undefined {
    const entry = this.#people.get(id);
    if (!entry || !isLive(entry)) return undefined;
    const faces = [...entry.faces.values()].sort((a, b) => (a.face < b.face ? -1 : 1));
    return { id, name: entry.name, faces };
  }

  /** Whether the face is part of the gallery, or will be once its person is named. */
  holds(face: string): boolean {
    return this.#owners.has(face);
  }

  nameOf(id: string): string | undefined {
    const entry = this.#people.get(id);
    return entry && isLive(entry) ? entry.name : undefined;
  }

  /** In the order of their ids. */
  people(): Person[] {
    return [...this.#people.keys()].sort().flatMap(id => this.person(id) ?? []);
  }

  /** The fewest events that add up to this state; removals from before `forgetBefore` (a stamp) are left out. */
  events(forgetBefore = ''): GalleryEvent[] {
    const events: GalleryEvent[] = [];
    for (const [person, { name, namedAt, removedAt, faces }] of this.#people) {
      if (namedAt > removedAt) events.push({ type: 'person', person, name, at: namedAt });
      if (removedAt > forgetBefore) events.push({ type: 'person-removed', person, at: removedAt });
      events.push(...faces.values());
    }
    for (const [face, at] of this.#removedFaces)
      if (at > forgetBefore) events.push({ type: 'face-removed', face, at });
    return events;
  }

  #entry(id: string): PersonEntry {
    const known = this.#people.get(id);
    if (known) return known;
    const entry = { name: '', namedAt: '', removedAt: '', faces: new Map<string, FaceEvent>() };
    this.#people.set(id, entry);
    return entry;
  }

  #changePerson(id: string, change: (entry: PersonEntry) => void): Change[] {
    const entry = this.#entry(id);
    const before = isLive(entry) ? [...entry.faces.keys()] : [];
    change(entry);
    for (const face of [...entry.faces.keys()]) {
      if (face > entry.removedAt) continue;
      entry.faces.delete(face);
      this.#owners.delete(face);
    }
    const after = isLive(entry) ? entry.faces : new Map<string, FaceEvent>();
    return [
      ...before.filter(face => !after.has(face)).map(removed => ({ removed })),
      ...[...after.values()].filter(face => !before.includes(face.face)).map(added => ({ added })),
    ];
  }
}

function isLive(entry: PersonEntry): boolean {
  return entry.namedAt > entry.removedAt;
}
