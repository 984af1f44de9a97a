import * as v from 'valibot';
import type { Face, Recognised } from '../../core/results.ts';
import { Problem } from '../problem.ts';

/** How many times the odds grow with each cosine of 0.1 above the threshold: 0.3 above it is 98 %. */
const STEEPNESS = 13;

/**
 * CompreFace's similarity, from 0 to 1, for a cosine similarity: 0.5 is this server's threshold. Its own are likewise a
 * logistic function of how alike two faces are, fitted to its models, so that thresholds carry over roughly at best.
 */
export function similarityOf(cosine: number, threshold: number): number {
  return Math.round(1e5 / (1 + Math.exp(-STEEPNESS * (cosine - threshold)))) / 1e5;
}

const whole = (min: number) => v.pipe(v.string(), v.regex(/^\d{1,4}$/), v.transform(Number), v.minValue(min));

const QuerySchema = v.object({
  limit: v.optional(whole(0), '0'),
  /** More than one subject a face is not known here. */
  prediction_count: v.optional(whole(1), '1'),
  det_prob_threshold: v.optional(
    v.pipe(v.string(), v.regex(/^(0|1|0?\.\d+|1\.0+|0\.\d*)$/), v.transform(Number)),
    '0',
  ),
  face_plugins: v.optional(v.string(), ''),
  status: v.optional(v.picklist(['true', 'false']), 'false'),
});

/** What a recognition was asked for. */
export type Asked = v.InferOutput<typeof QuerySchema>;

/** Throws a 400 problem `invalid-query`. */
export function askedFor(query: Readonly<Record<string, string>>): Asked {
  const parsed = v.safeParse(QuerySchema, query);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new Problem('invalid-query', `The parameter ${v.getDotPath(issue) ?? ''} is not valid.`);
}

/** Who is in the photo. Throws the problem that CompreFace has where there is no face. */
export function recognition(result: Recognised, asked: Asked) {
  return told(result, asked, ({ person, label, similarity }) => ({
    subjects:
      person !== undefined && similarity !== null
        ? [{ subject: label, similarity: similarityOf(similarity, result.threshold) }]
        : [],
  }));
}

/** Where faces are. Throws as `recognition` does. */
export function detection(result: Recognised, asked: Asked) {
  return told(result, asked, () => ({}));
}

/** How alike each face is to one of this subject, which the request named. Throws as `recognition` does. */
export function verification(result: Recognised, asked: Asked, subject: string) {
  return told(result, asked, ({ against = -1 }) => ({
    subject,
    similarity: similarityOf(against, result.threshold),
  }));
}

function told<T extends object>(result: Recognised, asked: Asked, more: (face: Face) => T) {
  const { limit, det_prob_threshold: least, status } = asked;
  const found = result.faces.filter(({ score }) => score >= least);
  if (found.length === 0) throw noFace();
  const faces = limit === 0 ? found : found.slice(0, limit);
  const versions = { plugins_versions: { detector: result.model, calculator: result.model } };
  return {
    result: faces.map(face => ({ ...shownFace(face, result, asked), ...more(face) })),
    ...(status === 'true' && versions),
  };
}

export function noFace(): Problem {
  return new Problem('no-face-found', 'No face is found in the given image', { extra: { code: 28 } });
}

function shownFace(face: Face, { timings }: Recognised, { face_plugins, status }: Asked) {
  const [x, y, width, height] = face.box;
  const time = { detector: timings.detect ?? 0, calculator: timings.embed ?? 0 };
  return {
    box: {
      probability: face.score,
      x_max: Math.round(x + width),
      y_max: Math.round(y + height),
      x_min: Math.round(x),
      y_min: Math.round(y),
    },
    ...(face_plugins.split(',').includes('landmarks') && {
      landmarks: face.landmarks.map(point => point.map(Math.round)),
    }),
    ...(status === 'true' && { execution_time: time }),
  };
}
