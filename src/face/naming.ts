/** Whom a face resembles most among the people that may still be named. */
export interface Candidate {
  readonly person: string;
  readonly similarity: number;
}

/**
 * Gives names to the faces of one photo, no name twice: where two faces resemble one person most, the more similar one is that
 * person, and the other is looked up again among everybody else.
 * @param search the best candidate for a face, without the people who are taken
 * @returns for each face its candidate, whether similar enough or not; null where there is none
 */
export function nameFaces<Face, C extends Candidate>(
  faces: readonly Face[],
  threshold: number,
  search: (face: Face, taken: ReadonlySet<string>) => C | null,
): (C | null)[] {
  const taken = new Set<string>();
  const candidates = faces.map(face => search(face, taken));
  const open = new Set(candidates.keys());
  for (;;) {
    const best = [...open]
      .filter(i => similarityOf(candidates[i]) >= threshold)
      .sort((a, b) => similarityOf(candidates[b]) - similarityOf(candidates[a]))[0];
    if (best === undefined) return candidates;
    if (taken.has(candidates[best]!.person)) candidates[best] = search(faces[best]!, taken);
    else {
      taken.add(candidates[best]!.person);
      open.delete(best);
    }
  }
}

const similarityOf = (candidate: Candidate | null | undefined) =>
  candidate?.similarity ?? Number.NEGATIVE_INFINITY;
