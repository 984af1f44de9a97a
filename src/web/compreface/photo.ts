import * as v from 'valibot';
import type { Recognised } from '../../core/results.ts';
import { readBody } from '../body.ts';
import type { Deps } from '../deps.ts';
import { hold } from '../hold.ts';
import type { Claim } from '../memory.ts';
import { Problem } from '../problem.ts';
import { photoFailed } from '../reply.ts';
import { photoOf, readUpload, type Upload } from '../upload.ts';
import { noFace } from './answers.ts';

const FIELD = 'file';
const JSON_SLACK = 1_024;
const BodySchema = v.object({ [FIELD]: v.string() });

/** The photo in the multipart field `file`, or in base64 in the JSON member of that name. */
export async function readPhoto(request: Request, maxBytes: number, claim: Claim): Promise<Upload> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get('content-type') ?? ''))
    return readUpload(request, maxBytes, claim, FIELD);
  const limit = Math.ceil((maxBytes * 4) / 3) + JSON_SLACK;
  const body = await readBody(request, limit, { announced: maxBytes, claim });
  const schema = v.pipe(v.string(), v.parseJson(), BodySchema);
  const parsed = v.safeParse(schema, new TextDecoder().decode(body));
  if (!parsed.success) throw new Problem('invalid-json', 'Send {"file": "<the photo in base64>"}.');
  const encoded = parsed.output[FIELD].replace(/^data:[^,]*,/, '');
  return { ...photoOf(Buffer.from(encoded, 'base64'), '', maxBytes), fields: new Map() };
}

type Photo = { readonly id: string; readonly file: string };

/** The result of a photo, however long it takes: CompreFace's clients know no other answer. Throws what it failed for. */
export async function answered(deps: Deps, request: Request, photo: Photo) {
  const result = await hold(deps, request, photo, Number.POSITIVE_INFINITY);
  if (!result) throw new Problem('busy', 'The server is stopping. Send it again in a moment.');
  if (result.status === 'done') return result;
  throw result.reason === 'no-face' ? noFace() : photoFailed(result);
}

/** The result of a photo that was to be recognised. */
export async function recognised(deps: Deps, request: Request, photo: Photo): Promise<Recognised> {
  const result = await answered(deps, request, photo);
  if ('faces' in result) return result;
  throw noFace();
}
