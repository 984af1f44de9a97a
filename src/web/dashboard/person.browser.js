import { ask, namesLike, peopleNamed, personById, personPath, send } from './api.browser.js';
import { openDialog } from './dialogs.browser.js';
import { count, doing, make, say } from './dom.browser.js';
import { picture } from './pictures.browser.js';

/** One person: faces, doubts about them, and what can be done. */
export async function showPerson({ id, body, changed, reopen }) {
  const { answer: person } = await ask('GET', personPath(id));
  const doubts = Map.groupBy(person.warnings ?? [], ({ face }) => face);
  const state = make('p', { role: 'status' });
  const input = make('input', { type: 'file', accept: 'image/jpeg,image/png,image/webp', multiple: true });
  input.addEventListener(
    'change',
    doing(() => enrol(person, [...input.files], state, reopen)),
  );

  body.replaceChildren(
    make('p', { class: 'id' }, `Id ${id}`),
    make(
      'ul',
      { class: 'lines pictured', 'aria-label': `Faces of ${person.name}` },
      ...person.faces.map(face => faceItem(person, face, doubts.get(face.id) ?? [], reopen)),
    ),
    make('label', { class: 'row' }, `Photos of ${person.name} alone`, input),
    state,
    make(
      'div',
      { class: 'row' },
      action('Rename', person, () => rename(person, changed)),
      action('Merge', person, () => merge(person, changed)),
      action('Delete', person, () => remove(person, changed)),
    ),
  );
}

function action(text, { name }, work) {
  return make(
    'button',
    { type: 'button', click: doing(work) },
    text,
    make('span', { class: 'unseen' }, ` ${name}`),
  );
}

function faceItem(person, face, doubts, reopen) {
  const path = `${personPath(person.id)}/faces/${face.id}`;
  const erase = () =>
    openDialog({
      title: `Delete this face of ${person.name}?`,
      lines: [face.file, 'Its photo and what was learned from it are erased.'],
      button: 'Delete',
      submit: async () => {
        await ask('DELETE', path);
        say('Deleted');
        await reopen();
      },
    });
  return make(
    'li',
    {},
    picture(person, face, { alt: `Face from ${face.file}`, size: 'large' }),
    make('span', {}, `${face.file}, quality ${face.quality.toFixed(1)} `),
    action('Delete face', { name: face.file }, erase),
    ...doubts.map(({ kind, other }) => make('p', { class: 'warning' }, warningOf(kind, other))),
  );
}

function warningOf(kind, { person, name = person, similarity }) {
  const near = `similarity ${similarity.toFixed(2)}`;
  return kind === 'near-duplicate'
    ? `Doubtful: nearly the same picture is enrolled for ${name} (${near}).`
    : `Doubtful: closer to ${name} (${near}) than to the other faces here.`;
}

async function enrol(person, files, state, reopen) {
  const refused = [];
  for (const [i, file] of files.entries()) {
    state.textContent = `Learning ${i + 1} of ${files.length} …`;
    try {
      await send(`${personPath(person.id)}/faces`, file);
    } catch (error) {
      refused.push(`${file.name}: ${error.message}`);
    }
  }
  await reopen();
  say(`Learned ${count(files.length - refused.length, 'photo', 'photos')}`);
  if (refused.length > 0) throw new Error(refused.join(' '));
}

function rename(person, changed) {
  return openDialog({
    title: `Rename ${person.name}`,
    field: 'New name',
    value: person.name,
    button: 'Rename',
    submit: async name => {
      await ask('PUT', personPath(person.id), JSON.stringify({ name }));
      say(`Renamed to ${name}`);
      await changed();
    },
  });
}

function merge(person, changed) {
  return openDialog({
    title: `Merge into ${person.name}`,
    lines: [
      `The faces of the other one become faces of ${person.name}; the other one is deleted, with photos and results.`,
    ],
    field: 'Name or id of the other one',
    button: 'Merge',
    namesLike,
    submit: async text => {
      const fitting = [await personById(text), ...(await peopleNamed(text))];
      const [from, ...others] = new Set(
        fitting.flatMap(other => other?.id ?? []).filter(id => id !== person.id),
      );
      if (from === undefined) throw new Error('There is nobody else of that name.');
      if (others.length > 0) throw new Error('There are several: give the id.');
      await ask('POST', `${personPath(person.id)}/merge`, JSON.stringify({ from }));
      say('Merged');
      await changed();
    },
  });
}

function remove(person, changed) {
  return openDialog({
    title: `Delete ${person.name}?`,
    lines: [
      `${count(person.faces.length, 'face', 'faces')}, photos and results are erased. There is no way back.`,
    ],
    button: 'Delete',
    submit: async () => {
      await ask('DELETE', personPath(person.id));
      say(`Deleted ${person.name}`);
      await changed();
    },
  });
}
