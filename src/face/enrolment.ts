import { Permanent } from '../core/errors.ts';
import type { Found, FoundFace } from './recognise.ts';

/** Faces of less than this part of the largest face's area are people in the background. */
const RIVAL_AREA = 0.25;

/**
 * The one face of a photo that shows the person to enrol.
 * @throws Permanent `no-face`, `low-quality` or `several-faces`
 */
export function chooseFace(found: Found, minQuality: number): FoundFace {
  if (found.faces.length === 0) {
    throw new Permanent(
      'no-face',
      'No face was found: send a photo that shows the face from the front, upright and not too small.',
    );
  }
  const candidates = found.faces.filter(face => face.quality >= minQuality);
  if (candidates.length === 0) {
    throw new Permanent(
      'low-quality',
      'The face is hidden, blurred or too small: send a sharper photo, from the front.',
    );
  }
  const largest = Math.max(...candidates.map(area));
  const rivals = candidates.filter(face => area(face) >= RIVAL_AREA * largest);
  const [chosen] = rivals;
  if (chosen === undefined || rivals.length > 1) {
    throw new Permanent(
      'several-faces',
      `The photo shows ${rivals.length} faces of similar size: send one that shows the person alone, or cut the others off.`,
    );
  }
  return chosen;
}

const area = ({ box: [, , width, height] }: FoundFace) => width * height;
