import type { Blobs } from '../ports.ts';

/** Deletes the photo and the result of a request. */
export async function deletePhotos(stores: { readonly input: Blobs; readonly output: Blobs }, id: string) {
  await Promise.all(
    [stores.input, stores.output].map(async store => {
      const found = await store.list(`${id}/`);
      await Promise.all(found.map(({ key }) => store.delete(key)));
    }),
  );
}
