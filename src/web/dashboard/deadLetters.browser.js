import { ask } from './api.browser.js';
import { $, count, doing, make } from './dom.browser.js';

export function startDeadLetters() {
  $('look-dead').addEventListener('click', () => void lookAtDeadLetters());
}

/** Lists them: the queue hides them from others for that moment. */
export const lookAtDeadLetters = doing(async () => {
  $('dead-state').textContent = 'Looking …';
  try {
    const { answer } = await ask('GET', '/dead-letters');
    $('dead-state').textContent =
      answer.letters.length === 0 ? 'None.' : count(answer.letters.length, 'letter', 'letters');
    $('dead-list').replaceChildren(...answer.letters.map(item));
  } catch (error) {
    $('dead-state').textContent = '';
    throw error;
  }
});

function item(letter) {
  const name = letter.file ?? letter.id;
  const redrive = doing(async () => {
    await ask('POST', `/dead-letters/${letter.id}/redrive`);
    line.replaceChildren(`${name}: sent round again`);
  });
  const line = make(
    'li',
    {},
    make('strong', {}, name),
    ` ${letter.kind ?? 'request'} of ${new Date(letter.sentAt).toLocaleString()} `,
    letter.photo
      ? make(
          'button',
          { type: 'button', click: redrive },
          'Try again',
          make('span', { class: 'unseen' }, ` ${name}`),
        )
      : make('span', { class: 'problem' }, 'The photo is no longer kept.'),
    make('p', {}, [letter.reason, letter.detail].filter(Boolean).join(': ')),
  );
  return line;
}
