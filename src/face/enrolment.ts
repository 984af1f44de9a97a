import { Permanent } from '../core/errors.ts';
import { area, type Corners } from './detect.ts';
import { type Found, type FoundFace, prominence } from './recognise.ts';

/** Faces of less than this part of the largest face's area are people in the background. */
const RIVAL_AREA = 0.25;

/**
 * The one face of a photo that shows the person to enrol: the only face that counts; or, beside others, the one that is both the
 * largest and alone in the middle. (Without the second rule neighbours cut by the photo's edge forbade 3 of 40 portraits of
 * Labeled Faces in the Wild.)
 * @throws Permanent `no-face`, `low-quality` or `several-faces`
 */
export function chooseFace(found: Found, minQuality: number): FoundFace {
  if (found.faces.length === 0) {
    throw new Permanent(
      'no-face',
      'No face was found: send a photo that shows the face from the front, upright and not too small.',
    );
  }
  const candidates = found.faces
    .filter(face => face.quality >= minQuality)
    .map(face => ({ face, corners: cornersOf(face) }))
    .toSorted((one, other) => area(other.corners) - area(one.corners));
  const [largest] = candidates;
  if (largest === undefined) {
    throw new Permanent(
      'low-quality',
      'The face is hidden, blurred or too small: send a sharper photo, from the front.',
    );
  }
  const rivals = candidates.filter(({ corners }) => area(corners) >= RIVAL_AREA * area(largest.corners));
  const central = rivals.filter(({ corners }) => prominence(corners, found.image) > 0);
  if (rivals.length > 1 && !(central.length === 1 && central[0] === largest)) {
    throw new Permanent(
      'several-faces',
      `The photo shows ${rivals.length} faces of similar size: send one that shows the person alone, or cut the others off.`,
    );
  }
  return largest.face;
}

const cornersOf = ({ box: [x, y, width, height] }: FoundFace): Corners => [x, y, x + width, y + height];
