import type { Routes } from '../deps.ts';
import { Problem } from '../problem.ts';
import api from './api.browser.js' with { type: 'text' };
import app from './app.browser.js' with { type: 'text' };
import deadLetters from './deadLetters.browser.js' with { type: 'text' };
import dialogs from './dialogs.browser.js' with { type: 'text' };
import dom from './dom.browser.js' with { type: 'text' };
import faces from './faces.browser.js' with { type: 'text' };
import live from './live.browser.js' with { type: 'text' };
import people from './people.browser.js' with { type: 'text' };
import person from './person.browser.js' with { type: 'text' };
import photos from './photos.browser.js' with { type: 'text' };
import pictures from './pictures.browser.js' with { type: 'text' };
import style from './style.css' with { type: 'text' };

const scripts = { api, app, deadLetters, dialogs, dom, faces, live, people, person, photos, pictures };
const files = new Map([
  ['style.css', { type: 'text/css', text: style }],
  ...Object.entries(scripts).map(
    ([name, text]) => [`${name}.browser.js`, { type: 'text/javascript', text }] as const,
  ),
]);

/** What the page consists of: part of the program, and the same for everybody. */
export const assetRoutes: Routes = {
  '/assets/:name': {
    GET: c => {
      const file = files.get(c.req.param('name') ?? '');
      if (!file) throw new Problem('no-such-page', 'GET / lists what there is.');
      return new Response(file.text, { headers: { 'content-type': `${file.type}; charset=utf-8` } });
    },
  },
};
