import { describe, expect, test } from 'bun:test';
import * as v from 'valibot';
import { problem, rig } from './support.ts';

const PageSchema = v.object({
  people: v.array(v.object({ id: v.string(), name: v.string() })),
  total: v.optional(v.number()),
  next: v.optional(v.string()),
});

async function withPeople(names: readonly string[]) {
  const world = rig();
  const stamp = () => Bun.randomUUIDv7();
  const put = (person: string, name: string) =>
    world.people.append([{ type: 'person', person, name, at: stamp() }]);
  for (const [i, name] of names.entries()) await put(`p${i}`, name);
  const page = async (query: string) =>
    v.parse(PageSchema, await (await world.app.request(`/people?${query}`)).json());
  const namesOf = async (query: string) => (await page(query)).people.map(({ name }) => name);
  return { ...world, put, page, namesOf };
}

describe('people by page', () => {
  test('come in the order of their names, each once, with the way to the next page', async () => {
    const names = ['Émile', 'Zoë', 'adam', 'Eve', 'Ben', 'Adam'];
    const { app, page } = await withPeople(names);
    const seen: string[] = [];
    let path: string | undefined = '/people?limit=2';
    let pages = 0;
    while (path !== undefined) {
      const response = await app.request(path);
      const { people, total, next } = v.parse(PageSchema, await response.json());
      seen.push(...people.map(({ name }) => name));
      expect(total).toBe(6);
      const link = response.headers.get('link');
      path = link?.replace(/^<(.*)>; rel="next"$/, '$1');
      expect(path?.includes(`cursor=${next}`)).toBe(next === undefined ? undefined : true);
      pages++;
    }
    expect([seen, pages]).toEqual([['adam', 'Adam', 'Ben', 'Émile', 'Eve', 'Zoë'], 3]);
    expect((await page('limit=6')).next).toBeUndefined();
  });

  test('are found by parts of names and ids; beginnings first', async () => {
    const { namesOf, page } = await withPeople(['Joanna', 'Anna', 'Bert Annan', 'Zoë', 'ANN', 'Zed']);
    expect(await namesOf('q=ann')).toEqual(['ANN', 'Anna', 'Bert Annan', 'Joanna']);
    expect(await namesOf('q=zoe')).toEqual(['Zoë']);
    expect(await namesOf('q=P5')).toEqual(['Zed']);
    expect(await page('q=nobody')).toEqual({ people: [], total: 0 });
    const seen: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const { people, next }: v.InferOutput<typeof PageSchema> = await page(
        `q=ann&limit=1${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...people.map(({ name }) => name));
      cursor = next;
    }
    expect(seen).toEqual(['ANN', 'Anna', 'Bert Annan', 'Joanna']);
  });

  test('follow what happens meanwhile', async () => {
    const { page, namesOf, put, people } = await withPeople(['Ada', 'Ben', 'Cleo']);
    const { next } = await page('limit=1');
    await people.append([{ type: 'person-removed', person: 'p0', at: Bun.randomUUIDv7() }]);
    await put('p1', 'Dora');
    expect(await namesOf(`limit=5&cursor=${next}`)).toEqual(['Cleo', 'Dora']);
    expect(await namesOf('q=ben')).toEqual([]);
  });

  test.each([
    'limit=0',
    'limit=1001',
    'limit=x',
    'cursor=x',
    'cursor=',
    'cursor=W10',
    'cursor=WzIsIngiLCJ5Il0',
  ])('?%s is refused', async query => {
    const { app } = await withPeople(['Ada']);
    expect(await problem(await app.request(`/people?${query}`))).toBe('400 invalid-page');
  });

  test('without parameters everybody comes, by id', async () => {
    const { page } = await withPeople(['Zed', 'Ada']);
    expect(await page('')).toMatchObject({ people: [{ id: 'p0' }, { id: 'p1' }] });
    expect(await page('')).not.toHaveProperty('total');
  });
});
