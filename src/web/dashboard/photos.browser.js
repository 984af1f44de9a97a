import { send } from './api.browser.js';
import { $, count, make, say } from './dom.browser.js';
import { showFaces } from './faces.browser.js';

const AT_ONCE = 4;
const MOST_CARDS = 200;

const waiting = [];
let [running, done, all] = [0, 0, 0];

export function startPhotos() {
  const input = $('files');
  input.addEventListener('change', () => {
    add(input.files);
    input.value = '';
  });
  addEventListener('paste', event => add(event.clipboardData?.files ?? []));
  for (const type of ['dragover', 'dragleave', 'drop']) {
    addEventListener(type, event => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      $('drop').classList.toggle('over', type === 'dragover');
      if (type === 'drop') add(event.dataTransfer.files);
    });
  }
}

function add(files) {
  if (files.length === 0) return;
  if (location.hash !== '#photos') location.hash = '#photos';
  // The last batch is over: counting begins anew.
  if (done === all) [done, all] = [0, 0];
  const cards = [...files].map(cardOf);
  all += cards.length;
  waiting.push(...cards);
  $('cards').prepend(...cards.map(({ item }) => item));
  forgetOld();
  step();
}

function step() {
  progress();
  while (running < AT_ONCE && waiting.length > 0) {
    running++;
    void look(waiting.shift()).finally(() => {
      running--;
      done++;
      step();
    });
  }
}

function progress() {
  $('progress').hidden = all === 0;
  $('progress-bar').max = all;
  $('progress-bar').value = done;
  const text = `${done} of ${count(all, 'photo', 'photos')} answered`;
  $('progress-text').textContent = text;
  if (done === all) say(text);
}

function cardOf(file) {
  const url = URL.createObjectURL(file);
  const image = make('img', { alt: `Photo ${file.name}`, decoding: 'async', error: () => image.remove() });
  image.src = url;
  const over = make('div', { class: 'boxes', 'aria-hidden': 'true' });
  const state = make('p', { class: 'state' }, 'Waiting …');
  const list = make('ol', {
    class: 'faces',
    'aria-label': `Faces in ${file.name}, the most prominent first`,
  });
  const again = make('button', { type: 'button', click: () => retry() }, 'Look again');
  again.hidden = true;
  const item = make(
    'li',
    { class: 'card' },
    make('h2', {}, file.name),
    make('div', { class: 'photo' }, image, over),
    state,
    list,
    again,
  );
  const card = { file, url, image, over, state, list, again, item };
  const retry = () => {
    all++;
    again.hidden = true;
    waiting.unshift(card);
    step();
  };
  return card;
}

async function look(card) {
  const { file, state, again } = card;
  state.className = 'state';
  state.textContent = 'Looking …';
  try {
    const result = await send('/', file);
    const { length } = result.faces;
    state.textContent = length === 0 ? 'No face was found.' : count(length, 'face', 'faces');
    showFaces({ ...card, result });
  } catch (error) {
    state.classList.add('problem');
    state.textContent = error.message;
  }
  again.hidden = false;
}

function forgetOld() {
  const cards = [...$('cards').children];
  for (const item of cards.slice(MOST_CARDS)) {
    URL.revokeObjectURL(item.querySelector('img')?.src ?? '');
    item.remove();
  }
}
