import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { LocalBlobs } from '../../src/adapters/local/blobs.ts';
import { pack } from '../../src/core/embedding.ts';
import { pictureKey } from '../../src/gallery/erase.ts';
import type { GalleryEvent } from '../../src/gallery/events.ts';
import { GalleryStore } from '../../src/gallery/store.ts';
import { photoOf } from '../support/cast.ts';
import { type Running, run } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { faultsOf, inspect, noBrowser, startBrowser } from './chromium.ts';

const PEOPLE = 50_000;
const FACES = 2;
const AT_ONCE = 5_000;
const first = ['Ada', 'Ben', 'Cléo', 'Dora', 'Émile', 'Fritz', 'Gül', 'Hana', 'Ivo', 'Jan'];

/** Such as `Cléo 00042`. */
const nameOf = (n: number) => `${first[n % first.length]} ${String(n).padStart(5, '0')}`;

describe.skipIf(noBrowser !== undefined)(`${PEOPLE} people`, () => {
  const data = temporaryDirectory();
  let web: Running;
  let url: string;
  let browser: Browser;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    const blobs = await LocalBlobs.open(join(data, 'gallery'));
    const store = new GalleryStore({ blobs });
    const embedding = pack(new Float32Array([1, 2, 3, 4]));
    const face = { type: 'face', file: 'a.jpg', model: 'made-up', quality: 3, embedding } as const;
    const picture = await photoOf('ada');
    for (let from = 0; from < PEOPLE; from += AT_ONCE) {
      const events = Array.from({ length: AT_ONCE }, (_, i): GalleryEvent[] => {
        const person = `p${from + i}`;
        const named = { type: 'person', person, name: nameOf(from + i), at: Bun.randomUUIDv7() } as const;
        return [
          named,
          ...Array.from({ length: FACES }, () => ({ ...face, person, face: Bun.randomUUIDv7() })),
        ];
      }).flat();
      await store.append(events);
      if (from > 0) continue;
      for (const event of events.slice(0, 300))
        if (event.type === 'face') await blobs.put(pictureKey(event.face), picture);
    }
    web = run('src/web.ts', { FACEREC_DATA: data, FACEREC_PORT: '0' });
    [, url = ''] = await web.said(/facerec-web listens on (\S+)/);
    browser = await startBrowser();
    page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    faults = faultsOf(page, new URL(url).origin);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    expect(await web?.end()).toBe(0);
  });

  const elements = () => page.evaluate<number>("document.querySelectorAll('*').length");
  const names = () => page.locator('.people .name').allTextContents();
  const count = (text: string) => page.getByText(text, { exact: true }).waitFor();

  test('are a few kilobytes a page, and come one after the other', async () => {
    const answer = await (await fetch(new URL('people?limit=50', url))).text();
    expect(answer.length).toBeLessThan(30_000);
    await page.goto(new URL('#people', url).href);
    await count(`50 of ${PEOPLE} people`);
    expect((await names()).slice(0, 3)).toEqual(['Ada 00000', 'Ada 00010', 'Ada 00020']);
    expect(await elements()).toBeLessThan(500);
    expect(await inspect(page, 'many-people')).toEqual([]);
    await page.getByRole('button', { name: 'Show more' }).focus();
    await page.keyboard.press('Enter');
    await count(`100 of ${PEOPLE} people`);
    expect((await names())[50]).toBe('Ada 00500');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Ada 00500 2 faces');
    expect(await elements()).toBeLessThan(1_000);
  });

  test('are found by part of a name, with or without accents, whatever was asked before', async () => {
    const find = page.getByLabel('Find');
    await find.pressSequentially('cleo 0001', { delay: 20 });
    await count('1 of 1 person');
    expect(await names()).toEqual(['Cléo 00012']);
    await find.fill('emile');
    await count('50 of 5000 people');
    await find.fill('nobody of that name');
    await count('Nobody fits.');
    expect(await page.getByRole('button', { name: 'Show more' }).isVisible()).toBe(false);
    await find.fill('49999');
    await count('1 of 1 person');
  });

  test('one is merged into another by name', async () => {
    const person = (name: string) =>
      page.locator('.people > li', { has: page.locator(`.name:text-is("${name}")`) });
    const dialog = page.getByRole('dialog');
    await person('Jan 49999').locator('summary').click();
    await person('Jan 49999').getByRole('button', { name: 'Merge' }).click();
    await dialog.getByLabel('Name or id').pressSequentially('Jan 4998');
    await page.locator('#names option[value="Jan 49989"]').waitFor({ state: 'attached' });
    await dialog.getByLabel('Name or id').fill('Jan 49989');
    await dialog.getByRole('button', { name: 'Merge' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.locator('summary', { hasText: 'Jan 49999 4 faces' }).waitFor();
    await page.getByLabel('Find').fill('');
    await count(`50 of ${PEOPLE - 1} people`);
  });

  test('nothing went wrong in the browser', () => {
    expect(faults).toEqual([]);
  });
});
