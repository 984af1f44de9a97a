import { addPerson, findPeople } from './api.browser.js';
import { $, count, doing, later, make, say } from './dom.browser.js';
import { showPerson } from './person.browser.js';
import { picture } from './pictures.browser.js';

/** People a page. */
const PAGE = 50;
let shown = 0;
let next;
/** Counts the pages that were asked for: an answer that another one has overtaken is dropped. */
let asked = 0;

export function startPeople() {
  $('find-person').addEventListener('input', later(openPeople));
  $('more-people').addEventListener('click', doing(more));
  $('add-person').addEventListener(
    'submit',
    doing(async () => {
      const name = $('new-person').value.trim();
      await addPerson(name);
      $('new-person').value = '';
      $('find-person').value = name;
      say(`Added: ${name}`);
      await openPeople();
    }),
  );
}

/** The first page, anew. */
export const openPeople = doing(async () => {
  const page = await pageFrom(undefined);
  if (!page) return;
  $('people-list').replaceChildren(...page.people.map(item));
  shown = page.people.length;
  tell(page);
});

async function more() {
  const page = await pageFrom(next);
  if (!page) return;
  const items = page.people.map(item);
  $('people-list').append(...items);
  shown += items.length;
  tell(page);
  // The button may be gone: the keyboard goes on where the new ones begin.
  items[0]?.querySelector('summary').focus();
}

/** undefined where something else was asked for meanwhile. */
async function pageFrom(cursor) {
  const mine = ++asked;
  const page = await findPeople($('find-person').value, { limit: PAGE, cursor });
  return mine === asked ? page : undefined;
}

function tell(page) {
  next = page.next;
  $('more-people').hidden = next === undefined;
  const isAll = $('find-person').value.trim() === '';
  const nobody = isAll
    ? 'Nobody is known yet. Add a person here, or say who somebody is on a photo.'
    : 'Nobody fits.';
  $('people-count').textContent =
    page.total === 0 ? nobody : `${shown} of ${count(page.total, 'person', 'people')}`;
}

function item(person) {
  const body = make('div', { class: 'person' });
  const faces = count(person.faces.length, 'face', 'faces');
  const summary = make(
    'summary',
    {},
    // The name beside it says it all.
    picture(person, person.faces[0], { alt: '' }),
    make('span', { class: 'name' }, person.name),
    ` ${faces}`,
  );
  const details = make('details', {}, summary, body);
  details.addEventListener('toggle', () => {
    if (details.open && body.childElementCount === 0) void open();
  });
  const open = doing(() => showPerson({ id: person.id, body, changed: openPeople, reopen: open }));
  return make('li', {}, details);
}
