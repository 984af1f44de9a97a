/**
 * Which of the media types the client likes best by its `Accept` header (RFC 9110, 12.5.1), the first of equals. When it
 * takes none of them it receives the first all the same, which is more useful than a 406.
 */
export function preferred<T extends string>(accept: string | null, types: readonly [T, ...T[]]): T {
  const ranges = (accept ?? '*/*').split(',').map(range => {
    const [type = '', ...parameters] = range.split(';').map(piece => piece.trim().toLowerCase());
    const q = parameters.find(parameter => parameter.startsWith('q='))?.slice(2);
    return { type, q: q === undefined ? 1 : Number(q) || 0 };
  });
  const quality = (type: string): number =>
    [type, type.replace(/\/.*/, '/*'), '*/*'].flatMap(t => ranges.find(range => range.type === t) ?? [])[0]
      ?.q ?? 0;
  return types.reduce((best, type) => (quality(type) > quality(best) ? type : best));
}
