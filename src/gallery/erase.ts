import type { Blobs } from '../ports.ts';

/** The stores that hold something of a request under its id. */
export interface PhotoStores {
  readonly input: Blobs;
  readonly output: Blobs;
}

/** Deletes the photo and the result of a request. */
export async function deletePhotos({ input, output }: PhotoStores, id: string): Promise<void> {
  await Promise.all(
    [input, output].map(async store => {
      const found = await store.list(`${id}/`);
      await Promise.all(found.map(({ key }) => store.delete(key)));
    }),
  );
}
