import { type Result, UNKNOWN } from './results.ts';

/** The result without what it tells of people who are gone; the same where it names none of them; undefined where it is about nobody else. */
export function withoutPeople(result: Result, isGone: (person: string) => boolean): Result | undefined {
  if (result.status === 'failed') return result;
  if ('person' in result) return isGone(result.person) ? undefined : result;
  if (!result.faces.some(({ person }) => person !== undefined && isGone(person))) return result;
  const faces = result.faces.map(face => {
    if (face.person === undefined || !isGone(face.person)) return face;
    const { person: _, against: __, ...rest } = face;
    return { ...rest, label: UNKNOWN, similarity: null, margin: null };
  });
  return { ...result, faces, label: faces.find(({ person }) => person !== undefined)?.label ?? UNKNOWN };
}
