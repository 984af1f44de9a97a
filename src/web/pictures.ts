import { pictureKey } from '../gallery/erase.ts';
import type { Blobs } from '../ports.ts';

/**
 * The picture of an enrolled face, as it is kept with the embedding; undefined where there is none. A browser may keep it,
 * and asks each time whether it may still show it.
 */
export async function pictureReply(
  gallery: Blobs,
  face: string,
  request: Request,
): Promise<Response | undefined> {
  const stored = await gallery.get(pictureKey(face));
  if (!stored) return undefined;
  // Faces never get another picture.
  const headers = { 'content-type': 'image/jpeg', 'cache-control': 'private, no-cache', etag: `"${face}"` };
  const isKnown = request.headers.get('if-none-match')?.includes(headers.etag) ?? false;
  return isKnown
    ? new Response(null, { status: 304, headers })
    : new Response(new Uint8Array(stored.body), { headers });
}
