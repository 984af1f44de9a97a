import { ask } from './api.browser.js';
import { lookAtDeadLetters, startDeadLetters } from './deadLetters.browser.js';
import { $, count, duration, make } from './dom.browser.js';

const MOST_ANSWERS = 20;
/** A controller shows itself once a minute. */
const SILENT_MS = 150_000;
const TICK_MS = 5_000;

let source;
let ticking;
let fleet = null;
let dead;

export function startLive() {
  startDeadLetters();
}

export function openLive() {
  closeLive();
  $('connection').textContent = 'Connecting …';
  $('answers').replaceChildren();
  $('answers-none').hidden = false;
  source = new EventSource('/events');
  source.addEventListener('open', () => {
    $('connection').textContent = 'Connected: what you see is up to date.';
  });
  source.addEventListener('error', () => {
    $('connection').textContent = 'The connection is lost; trying again.';
    // Refused for good: the session may be over, which this shows.
    if (source?.readyState === EventSource.CLOSED) void ask('GET', '/session').catch(() => {});
  });
  const on = (kind, show) => source.addEventListener(kind, ({ data }) => show(JSON.parse(data)));
  on('queue', showQueue);
  on('result', showAnswer);
  on('fleet', status => {
    fleet = status;
    showFleet();
    showDecisions();
  });
  ticking = setInterval(showFleet, TICK_MS);
}

export function closeLive() {
  source?.close();
  source = undefined;
  dead = undefined;
  clearInterval(ticking);
}

function showQueue(queue) {
  const figures = { visible: 'visible', 'in-flight': 'inFlight', delayed: 'delayed', dead: 'dead' };
  for (const [id, field] of Object.entries(figures)) $(id).textContent = queue ? queue[field] : '?';
  $('answered').textContent = queue ? queue.answeredLastMinute : '?';
  if (queue && queue.dead !== dead) {
    dead = queue.dead;
    void lookAtDeadLetters();
  }
}

function showFleet() {
  if (!fleet) return;
  const { at, desired, min, max, instances } = fleet;
  const silent =
    Date.now() - at > SILENT_MS ? ` No word from a controller for ${duration(Date.now() - at)}.` : '';
  $('fleet-summary').textContent =
    `${count(instances.length, 'instance', 'instances')}, ${desired} wanted, ${min} to ${max} allowed.${silent}`;
  $('fleet').replaceChildren(...instances.toSorted((a, b) => a.slot - b.slot).map(instance));
}

function instance({ id, slot, state, launchedAt, reported, silent, idle }) {
  const working = !reported ? 'starting' : idle ? 'idle' : 'working';
  const text = silent ? 'silent' : state === 'running' ? working : state;
  return make(
    'li',
    { class: text, title: id },
    make('span', { class: 'slot' }, `slot ${slot} `),
    make('strong', {}, `${text} `),
    make('span', {}, `${duration(Date.now() - launchedAt)} `),
    make('span', { class: 'id' }, id),
  );
}

function showDecisions() {
  const { decisions = [] } = fleet ?? {};
  const lines = decisions.map(({ at, reasons }) =>
    make('li', {}, make('time', {}, new Date(at).toLocaleTimeString()), ` ${reasons.join('; ')}`),
  );
  $('decisions').replaceChildren(...(lines.length > 0 ? lines : [make('li', {}, 'None yet.')]));
}

function showAnswer({ id, status, kind, label, faces, reason, person }) {
  const what =
    status === undefined
      ? 'answered'
      : status === 'failed'
        ? `failed: ${reason}`
        : kind === 'enrol'
          ? `enrolled for ${person}`
          : `${label}, ${count(faces, 'face', 'faces')}`;
  const line = make('li', {}, make('time', {}, new Date().toLocaleTimeString()), ` ${what} `);
  line.append(make('span', { class: 'id' }, id));
  $('answers').prepend(line);
  $('answers-none').hidden = true;
  for (const old of [...$('answers').children].slice(MOST_ANSWERS)) old.remove();
}
