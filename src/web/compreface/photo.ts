import * as v from 'valibot';
import { readBody } from '../body.ts';
import type { Claim } from '../memory.ts';
import { Problem } from '../problem.ts';
import { photoOf, readUpload, type Upload } from '../upload.ts';

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
