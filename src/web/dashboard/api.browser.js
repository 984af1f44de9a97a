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

/** Everybody, by name. */
export async function everybody() {
  const { answer } = await ask('GET', '/people');
  return answer.people.toSorted((a, b) => a.name.localeCompare(b.name));
}

/** The id of the person of that name, who is added where there is nobody. */
export async function personOf(name) {
  const people = await everybody();
  const known = people.find(person => person.name === name);
  if (known) return known.id;
  const ids = new Set(people.map(({ id }) => id));
  const base = name.replaceAll(/[/\\:]/g, '-').slice(0, 20);
  let id = base;
  for (let n = 2; ids.has(id); n++) id = `${base}-${n}`;
  await ask('PUT', personPath(id), JSON.stringify({ name }));
  return id;
}
