import { namesLike, personOf, personPath, send } from './api.browser.js';
import { openDialog } from './dialogs.browser.js';
import { make, say } from './dom.browser.js';

/** Boxes over the photo, and a list with the same faces for keyboards and screen readers. */
export function showFaces({ file, image, over, list, result }) {
  const { faces } = result;
  const boxes = faces.map((face, i) => {
    const box = make('div', { class: 'box', click: () => ask(i) }, make('span', {}, caption(face, i)));
    const [x, y, width, height] = face.box;
    const percent = (part, whole) => `${(100 * part) / whole}%`;
    Object.assign(box.style, {
      left: percent(x, result.image.width),
      top: percent(y, result.image.height),
      width: percent(width, result.image.width),
      height: percent(height, result.image.height),
    });
    return box;
  });
  const items = faces.map((face, i) => {
    const mark = isOn => () => boxes[i].classList.toggle('marked', isOn);
    const button = make(
      'button',
      { type: 'button', click: () => ask(i), focus: mark(true), blur: mark(false) },
      face.person ? 'Somebody else?' : 'Who is this?',
      make('span', { class: 'unseen' }, ` (face ${i + 1})`),
    );
    const label = make('span', { class: 'name' }, described(face, i));
    return make('li', { mouseenter: mark(true), mouseleave: mark(false) }, label, button);
  });
  over.replaceChildren(...boxes);
  list.replaceChildren(...items);

  async function ask(i) {
    const face = faces[i];
    const learn = async name => {
      const id = await personOf(name);
      const box = face.box.map(Math.round).join();
      await send(`${personPath(id)}/faces`, file, { box });
      boxes[i].classList.add('known');
      boxes[i].firstChild.textContent = `${i + 1} ${name}`;
      items[i].querySelector('.name').textContent = `${i + 1}. ${name}, learned just now`;
      say(`Learned: face ${i + 1} is ${name}`);
    };
    await openDialog({
      title: 'Who is this?',
      lines: [described(face, i)],
      picture: crop(image, face.box, result.image),
      field: 'Name',
      value: face.person ? face.label : '',
      button: 'Learn this face',
      namesLike,
      submit: learn,
    });
    items[i].querySelector('button').focus();
  }
  for (const [i, face] of faces.entries()) boxes[i].classList.toggle('known', face.person !== undefined);
}

const caption = (face, i) => (face.person ? `${i + 1} ${face.label}` : `${i + 1}`);

function described(face, i) {
  const near = face.similarity === null ? '' : `, similarity ${face.similarity.toFixed(2)}`;
  return `${i + 1}. ${face.person ? face.label : 'Unknown'}${face.person ? near : near && `${near} to the nearest`}`;
}

/** The face alone, with some room around it. */
function crop(image, [x, y, width, height], size) {
  const canvas = make('canvas', { width: 160, height: 160, role: 'img', 'aria-label': 'The face' });
  const scale = image.naturalWidth / size.width;
  const side = 1.4 * Math.max(width, height) * scale;
  const [left, top] = [(x + width / 2) * scale - side / 2, (y + height / 2) * scale - side / 2];
  canvas.getContext('2d').drawImage(image, left, top, side, side, 0, 0, 160, 160);
  return canvas;
}
