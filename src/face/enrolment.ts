import { Permanent, type Reason } from '../core/errors.ts';
import type { Size } from './image.ts';
import type { Measures } from './measures.ts';
import type { Found, FoundFace } from './recognise.ts';

/** Faces of less than this part of the largest face's area are people in the background. */
const RIVAL_AREA = 0.25;
/** Faces nearer to the photo's middle than this are its subject; in sizes of the face, √(w h). */
const CENTRAL = 0.5;
/** Faces farther from the middle than this are beside the subject; in sizes of the face. */
const BESIDE = 1;

/**
 * What makes a face a bad example of its person. Measured with 160 portraits of Labeled Faces in the Wild, none of which is
 * refused, and with the same made worse: mean similarity to the person's other photos is 0.71 as they are, 0.40 at 22 px,
 * 0.22 with 5 px of blur (0.50 with 3 px), 0.55 in an eighth of the light (where half of the faces are not found), 0.36 with
 * 40 % of the face cut off. The last limit is that of the photos: none is turned further.
 */
const faults: readonly {
  readonly reason: Reason;
  readonly applies: (measures: Measures) => boolean;
  readonly advice: string;
}[] = [
  {
    reason: 'too-small',
    applies: ({ size }) => size < 24,
    advice: 'The face is too small: send a photo in which it is at least 24 pixels wide, better 80.',
  },
  {
    reason: 'cut-off',
    applies: ({ inside }) => inside < 0.7,
    advice: 'The face is cut off by the edge of the photo: send one that shows all of it.',
  },
  {
    reason: 'too-dark',
    applies: ({ brightness }) => brightness < 20,
    advice: 'The face is too dark: send a photo with more light on it.',
  },
  {
    reason: 'too-blurred',
    applies: ({ sharpness }) => sharpness < 0.07,
    advice: 'The face is blurred: send a sharper photo.',
  },
  {
    reason: 'too-turned',
    applies: ({ turn }) => turn > 0.6,
    advice: 'The face is turned away too far: send a photo from the front.',
  },
];

/** What is wrong with the picture of a face, as an error to be thrown; undefined where nothing is. */
export function faultOf({ quality, measures }: FoundFace, minQuality: number): Permanent | undefined {
  const fault = faults.find(({ applies }) => applies(measures));
  if (fault) return new Permanent(fault.reason, fault.advice);
  if (quality >= minQuality) return undefined;
  return new Permanent(
    'low-quality',
    'The face is hidden or hard to make out: send a clearer photo, from the front.',
  );
}

/**
 * The one face of a photo that shows the person to enrol: the only face that counts; or the largest, where it alone is in the
 * middle and all others are beside it. (Without the second rule neighbours cut by the photo's edge would forbid 3 of 40
 * portraits of Labeled Faces in the Wild.)
 * @throws Permanent `no-face`, `several-faces`, or what `faultOf` says
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
  if (largest === undefined) throw faultOf(found.faces[0]!, minQuality)!;
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
  const fault = faultOf(largest, minQuality);
  if (fault) throw fault;
  return largest;
}

/** Of two boxes that have less than this in common (intersection over union), one is not the other. */
const SAME_BOX = 0.5;

/**
 * The face at a place that was pointed at, whoever else is in the photo.
 * @param box in pixels of the upright image
 * @throws Permanent `no-face`, or what `faultOf` says
 */
export function faceAt(found: Found, box: FoundFace['box'], minQuality: number): FoundFace {
  const [nearest] = found.faces.toSorted((one, other) => overlap(other.box, box) - overlap(one.box, box));
  if (!nearest || overlap(nearest.box, box) < SAME_BOX)
    throw new Permanent(
      'no-face',
      'No face was found at that place of the photo: take the box from its result.',
    );
  const fault = faultOf(nearest, minQuality);
  if (fault) throw fault;
  return nearest;
}

/** Intersection over union. */
function overlap([x, y, w, h]: FoundFace['box'], [a, b, c, d]: FoundFace['box']): number {
  const width = Math.min(x + w, a + c) - Math.max(x, a);
  const height = Math.min(y + h, b + d) - Math.max(y, b);
  const common = Math.max(0, width) * Math.max(0, height);
  return common / (w * h + c * d - common);
}

const area = ({ box: [, , width, height] }: FoundFace) => width * height;

/** Distance of the face's centre from the photo's, in sizes of the face. */
function fromMiddle(face: FoundFace, image: Size): number {
  const [x, y, width, height] = face.box;
  const distance = Math.hypot(x + width / 2 - image.width / 2, y + height / 2 - image.height / 2);
  return distance / Math.sqrt(area(face));
}
