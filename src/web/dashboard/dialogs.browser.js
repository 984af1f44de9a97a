import { $, later, make } from './dom.browser.js';

/**
 * Opens a dialog with a form. `submit` is called with the text of the field, and closes the dialog unless it throws; then
 * the reason is shown and the dialog stays. `namesLike` resolves to what is suggested for a text. Resolves when it is closed.
 */
export function openDialog({ title, lines = [], field, value = '', button, namesLike, picture, submit }) {
  const { promise, resolve } = Promise.withResolvers();
  const problem = make('p', { role: 'alert', class: 'problem' });
  const input =
    field && make('input', { id: 'dialog-field', value, required: true, list: 'names', autocomplete: 'off' });
  const go = make('button', { class: 'main' }, button);
  const cancel = make('button', { type: 'button', click: () => dialog.close() }, 'Cancel');
  const work = async event => {
    event.preventDefault();
    problem.textContent = '';
    go.disabled = true;
    try {
      await submit(input?.value.trim());
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    } finally {
      go.disabled = false;
    }
  };
  const dialog = make(
    'dialog',
    { 'aria-labelledby': 'dialog-title', close: () => dialog.remove() },
    make(
      'form',
      { method: 'dialog', submit: work },
      make('h2', { id: 'dialog-title' }, title),
      picture,
      ...lines.map(line => make('p', {}, line)),
      ...(input ? [make('label', { for: 'dialog-field' }, field), input] : []),
      problem,
      make('div', { class: 'row end' }, cancel, go),
    ),
  );
  if (namesLike) suggest(input, namesLike);
  dialog.addEventListener('close', () => resolve());
  document.body.append(dialog);
  dialog.showModal();
  (input ?? cancel).focus();
  input?.select();
  return promise;
}

function suggest(input, namesLike) {
  const show = async () => {
    const text = input.value;
    const names = await namesLike(text).catch(() => []);
    if (input.value === text)
      $('names').replaceChildren(...names.map(name => make('option', { value: name })));
  };
  input.addEventListener('input', later(show));
  void show();
}
