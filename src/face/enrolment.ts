import { Permanent } from '../core/errors.ts';
import type { Size } from './image.ts';
import type { Found, FoundFace } from './recognise.ts';

/** Faces of less than this part of the largest face's area are people in the background. */
const RIVAL_AREA = 0.25;
/** Faces nearer to the photo's middle than this are its subject; in sizes of the face, √(w h). */
const CENTRAL = 0.5;
/** Faces farther from the middle than this are beside the subject; in sizes of the face. */
const BESIDE = 1;

/**
 * The one face of a photo that shows the person to enrol: the only face that counts; or the largest, where it alone is in the
 * middle and all others are beside it. (Without the second rule neighbours cut by the photo's edge would forbid 3 of 40
 * portraits of Labeled Faces in the Wild.)
 * @throws Permanent `no-face`, `low-quality` or `several-faces`
 */
export function chooseFace(found: Found, minQuality: number): FoundFace {
  if (found.faces.length === 0) {
    throw new Permanent(
      'no-face',
      'No face was found: send a photo that shows the face from the front, upright and not too small.',
    );
  }
  const [largest, ...others] = found.faces
    .filter(face => face.quality >= minQuality)
    .toSorted((one, other) => area(other) - area(one));
  if (largest === undefined) {
    throw new Permanent(
      'low-quality',
      'The face is hidden, blurred or too small: send a sharper photo, from the front.',
    );
  }
  const rivals = others.filter(face => area(face) >= RIVAL_AREA * area(largest));
  const isSubject =
    fromMiddle(largest, found.image) < CENTRAL &&
    rivals.every(face => fromMiddle(face, found.image) > BESIDE);
  if (rivals.length > 0 && !isSubject) {
    throw new Permanent(
      'several-faces',
      `The photo shows ${rivals.length + 1} faces of similar size: send one that shows the person alone, or cut the others off.`,
    );
  }
  return largest;
}

const area = ({ box: [, , width, height] }: FoundFace) => width * height;

/** Distance of the face's centre from the photo's, in sizes of the face. */
function fromMiddle(face: FoundFace, image: Size): number {
  const [x, y, width, height] = face.box;
  const distance = Math.hypot(x + width / 2 - image.width / 2, y + height / 2 - image.height / 2);
  return distance / Math.sqrt(area(face));
}
