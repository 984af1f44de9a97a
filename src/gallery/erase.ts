import type { Blobs } from '../ports.ts';

/** The stores that hold something of a request under its id. */
export interface PhotoStores {
  readonly input: Blobs;
  readonly output: Blobs;
  readonly gallery: Blobs;
}

/** Where the gallery store keeps the picture of an enrolled face, a JPEG, as long as the face. */
export function pictureKey(face: string): string {
  return `faces/${face}.jpg`;
}

/** Deletes the photo and the result of a request, and the picture of the face that it enrolled. */
export async function deletePhotos({ input, output, gallery }: PhotoStores, id: string): Promise<void> {
  await Promise.all([
    ...[input, output].map(async store => {
      const found = await store.list(`${id}/`);
      await Promise.all(found.map(({ key }) => store.delete(key)));
    }),
    gallery.delete(pictureKey(id)),
  ]);
}
