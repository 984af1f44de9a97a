const pause = seconds => new Promise(resolve => setTimeout(resolve, 1000 * seconds));
const TRIES = 8;

/** Asks the server; resolves to status and JSON. What the server refuses is thrown as an error that says why. */
export async function ask(method, path, body) {
  for (let tries = 1; ; tries++) {
    const response = await fetch(path, { method, body, headers: { accept: 'application/json' } });
    if (response.status === 401) {
      location.assign('/login');
      return new Promise(() => {});
    }
    const after = Number(response.headers.get('retry-after'));
    // Too many at once, or a store that is away for a moment.
    if ([429, 503].includes(response.status) && after > 0 && tries < TRIES) {
      await pause(Math.min(after, 30));
      continue;
    }
    const answer = response.status === 204 ? {} : await response.json();
    if (!response.ok) {
      const error = new Error(`${answer.title ?? 'Something went wrong'}. ${answer.detail ?? ''}`);
      throw Object.assign(error, { status: response.status, answer });
    }
    return { status: response.status, answer };
  }
}

/** Sends a photo and waits for its result, however long that takes. */
export async function send(path, file, fields = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('inputFile', file);
  let { status, answer } = await ask('POST', `${path}?wait=30`, form);
  while (status === 202) ({ status, answer } = await ask('GET', `${answer.result}?wait=30`));
  if (answer.status === 'failed') throw Object.assign(new Error(answer.detail), { answer });
  return answer;
}

export const personPath = id => `/people/${encodeURIComponent(id)}`;

/** A page of the people whose names or ids hold a text, in the order of names: `people`, `total` of all pages, `next`. */
export async function findPeople(text, { limit = 20, cursor } = {}) {
  const query = new URLSearchParams({ q: text, limit, ...(cursor && { cursor }) });
  return (await ask('GET', `/people?${query}`)).answer;
}

/** The first names of those. */
export async function namesLike(text) {
  const { people } = await findPeople(text);
  return people.map(({ name }) => name);
}

/** The person of that id; undefined where there is nobody. */
export async function personById(id) {
  try {
    return (await ask('GET', personPath(id))).answer;
  } catch (error) {
    if (error.status === 404) return undefined;
    throw error;
  }
}

/** Those of exactly that name. */
export async function peopleNamed(name) {
  // Names that are just this come before those that only begin with it.
  const { people } = await findPeople(name);
  return people.filter(person => person.name === name);
}

/** Adds a person, also where there is one of that name. Resolves to the id. */
export async function addPerson(name) {
  const base = name
    .replaceAll(/[/\\:]/g, '-')
    .slice(0, 20)
    .trim();
  const id = (await personById(base)) ? `${base}-${Math.random().toString(36).slice(2, 8)}` : base;
  await ask('PUT', personPath(id), JSON.stringify({ name }));
  return id;
}

/** The id of the person of that name, who is added where there is nobody. */
export async function personOf(name) {
  const [known] = await peopleNamed(name);
  return known ? known.id : addPerson(name);
}
