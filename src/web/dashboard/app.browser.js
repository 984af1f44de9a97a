import { ask } from './api.browser.js';
import { $, doing, showProblem } from './dom.browser.js';
import { closeLive, openLive, startLive } from './live.browser.js';
import { openPeople, startPeople } from './people.browser.js';
import { startPhotos } from './photos.browser.js';

const parts = {
  photos: { title: 'Photos' },
  people: { title: 'People', open: openPeople },
  live: { title: 'Live', open: openLive, close: closeLive },
};
let current;

function show(moveFocus) {
  const wanted = location.hash.slice(1);
  const name = Object.hasOwn(parts, wanted) ? wanted : 'photos';
  if (name === current) return;
  parts[current]?.close?.();
  current = name;
  showProblem();
  for (const part of Object.keys(parts)) $(part).hidden = part !== name;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${parts[name].title} – facerec`;
  if (moveFocus) $(`${name}-title`).focus();
  parts[name].open?.();
}

async function showAccess() {
  const { answer } = await ask('GET', '/session');
  $('sign-out').hidden = answer.access !== 'session';
}

$('sign-out').addEventListener(
  'click',
  doing(async () => {
    await ask('DELETE', '/session');
    location.assign('/login');
  }),
);
startPhotos();
startPeople();
startLive();
addEventListener('hashchange', () => show(true));
show(false);
void showAccess().catch(showProblem);
