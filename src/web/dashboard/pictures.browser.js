import { personPath } from './api.browser.js';
import { make } from './dom.browser.js';

/** The picture of a person's face, loaded when it comes into view; an initial where there is none. */
export function picture(person, face, { alt, size = '' }) {
  const name = `face ${size}`.trim();
  const blank = () =>
    make('span', { class: name, 'data-initial': [...person.name][0], 'aria-hidden': 'true' });
  if (!face) return blank();
  const image = make('img', {
    ...{ class: name, alt, loading: 'lazy', decoding: 'async' },
    error: () => image.replaceWith(blank()),
    src: `${personPath(person.id)}/faces/${face.id}/photo`,
  });
  return image;
}
