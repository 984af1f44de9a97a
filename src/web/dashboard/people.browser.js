import { ask, everybody, personPath } from './api.browser.js';
import { $, count, doing, make, say } from './dom.browser.js';
import { showPerson } from './person.browser.js';

/** Shown at a time; the others are found by name. */
const MOST = 100;
let people = [];

export function startPeople() {
  $('find-person').addEventListener('input', show);
  $('add-person').addEventListener(
    'submit',
    doing(async () => {
      const name = $('new-person').value.trim();
      const id = people.some(person => person.id === name) ? `${name}-${people.length}` : name;
      await ask('PUT', personPath(id.replaceAll(/[/\\]/g, '-')), JSON.stringify({ name }));
      $('new-person').value = '';
      $('find-person').value = name;
      say(`Added: ${name}`);
      await openPeople();
    }),
  );
}

export const openPeople = doing(async () => {
  people = await everybody();
  show();
});

function show() {
  const text = $('find-person').value.trim().toLowerCase();
  const fitting = people.filter(({ name, id }) => `${name} ${id}`.toLowerCase().includes(text));
  const shown = fitting.slice(0, MOST);
  $('people-count').textContent =
    people.length === 0
      ? 'Nobody is known yet. Add a person here, or say who somebody is on a photo.'
      : `${shown.length} of ${count(people.length, 'person', 'people')}`;
  $('people-list').replaceChildren(...shown.map(item));
}

function item(person) {
  const body = make('div', { class: 'person' });
  const faces = count(person.faces.length, 'face', 'faces');
  const summary = make('summary', {}, make('span', { class: 'name' }, person.name), ` ${faces}`);
  const details = make('details', {}, summary, body);
  details.addEventListener('toggle', () => {
    if (details.open && body.childElementCount === 0) void open();
  });
  const open = doing(() => showPerson({ id: person.id, body, people, changed: openPeople, reopen: open }));
  return make('li', {}, details);
}
