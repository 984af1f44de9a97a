/** The same photo in another file: blurred, halved in size or cut a little it stays above 0.84; two photos of one person do not. */
const DUPLICATE = 0.97;

/** Another enrolled face, and how similar it is. */
export interface Neighbour {
  readonly person: string;
  readonly face: string;
  readonly similarity: number;
}

/** What may be wrong with an enrolled face. */
export interface Doubt {
  /** Closer to another person than to its own, or nearly the same picture as another face. */
  readonly kind: 'closer-to-another' | 'near-duplicate';
  readonly face: string;
  /** The face that it resembles, and that face's person. */
  readonly other: Neighbour;
}

/**
 * @param own the most similar other face of its own person
 * @param another the most similar face of anybody else
 * @param threshold two people who resemble each other less are told apart anyway
 */
export function doubtsOf(
  face: string,
  own: Neighbour | undefined,
  another: Neighbour | undefined,
  threshold: number,
): Doubt[] {
  const doubts: Doubt[] = [];
  if (another && another.similarity >= threshold && another.similarity > (own?.similarity ?? -1))
    doubts.push({ kind: 'closer-to-another', face, other: another });
  for (const other of [own, another])
    if (other && other.similarity >= DUPLICATE) doubts.push({ kind: 'near-duplicate', face, other });
  return doubts;
}
