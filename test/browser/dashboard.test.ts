import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { LocalBlobs } from '../../src/adapters/local/blobs.ts';
import { LocalQueue } from '../../src/adapters/local/queue.ts';
import { encodeMessage, inputKey } from '../../src/core/messages.ts';
import { cast, photoOf } from '../support/cast.ts';
import { enrol } from '../support/client.ts';
import { blank, groupPhoto } from '../support/photos.ts';
import { run, type System, startSystem } from '../support/system.ts';
import { temporaryDirectory, until } from '../support/temporary.ts';
import { faultsOf, inspect, noBrowser, startBrowser } from './chromium.ts';

interface Image {
  readonly alt: string;
  readonly complete: boolean;
  readonly naturalWidth: number;
}

if (noBrowser) console.warn(`skipped: ${noBrowser}`);

describe.skipIf(noBrowser !== undefined)('the dashboard in Chromium', () => {
  const directory = temporaryDirectory();
  const data = join(directory, 'data');
  const file = (name: string) => join(directory, name);
  let system: System;
  let browser: Browser;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    await writeFile(file('group.jpg'), await groupPhoto([cast.ada, cast.eve, cast.ben]));
    await writeFile(file('ada.jpg'), await photoOf('ada'));
    await writeFile(file('eve.jpg'), await photoOf('eve'));
    await writeFile(file('wall.png'), await blank(300, 200));
    await writeFile(file('notes.txt'), 'no photo');
    system = await startSystem(data);
    const bytes = await photoOf('ada');
    expect((await enrol(system.url, 'ada', 'Ada Lovelace', { file: 'ada.jpg', bytes })).status).toBe(201);
    browser = await startBrowser();
    const context = await browser.newContext();
    context.setDefaultTimeout(30_000);
    page = await context.newPage();
    faults = faultsOf(page, system.url.origin);
    await page.goto(system.url.href);
  });
  afterAll(async () => {
    await browser?.close();
    expect(await system?.end()).toBe(0);
  });

  const card = (name: string) =>
    page.locator('.card', { has: page.getByRole('heading', { name, exact: true }) });
  const section = (name: string) => page.getByRole('link', { name, exact: true }).click();

  test('many photos at once: boxes, names, similarity, progress, and why one was refused', async () => {
    await page
      .getByLabel('Choose photos')
      .setInputFiles(['group.jpg', 'ada.jpg', 'wall.png', 'notes.txt'].map(file));
    await page.getByText('4 of 4 photos answered').first().waitFor();
    expect(await card('group.jpg').locator('.faces li').allTextContents()).toHaveLength(3);
    expect(await card('group.jpg').locator('.box').count()).toBe(3);
    expect(
      await card('group.jpg')
        .getByText(/Ada Lovelace, similarity 0\.\d\d|Ada Lovelace, similarity 1\.00/)
        .count(),
    ).toBe(1);
    expect(await card('ada.jpg').locator('.box.known').textContent()).toBe('1 Ada Lovelace');
    expect(await card('wall.png').locator('.state').textContent()).toBe('No face was found.');
    expect(await card('notes.txt').locator('.problem').textContent()).toContain('neither JPEG, PNG nor WebP');
    const box = (await card('ada.jpg').locator('.box').boundingBox())!;
    const photo = (await card('ada.jpg').locator('img').boundingBox())!;
    expect(box.x).toBeGreaterThanOrEqual(photo.x - 2);
    expect(box.x + box.width).toBeLessThanOrEqual(photo.x + photo.width + 2);
    expect(box.width).toBeGreaterThan(photo.width / 4);
    expect(await inspect(page, 'photos')).toEqual([]);
  });

  test('a photo is dropped, another one pasted', async () => {
    const bytes = Buffer.from(await photoOf('eve')).toString('base64');
    const give = (type: string, carrier: string, name: string) =>
      page.evaluate(`(() => {
        const data = new DataTransfer();
        const bytes = Uint8Array.from(atob('${bytes}'), c => c.charCodeAt(0));
        data.items.add(new File([bytes], '${name}', { type: 'image/jpeg' }));
        document.body.dispatchEvent(new ${carrier}('${type}', {
          bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data,
        }));
      })()`);
    await give('drop', 'DragEvent', 'dropped.jpg');
    await give('paste', 'ClipboardEvent', 'pasted.jpg');
    for (const name of ['dropped.jpg', 'pasted.jpg']) await card(name).getByText('1. Unknown').waitFor();
  });

  test('a face among several is learned, with the keyboard alone', async () => {
    const unknown = card('group.jpg').locator('.faces li', { hasText: 'Unknown' });
    expect(await unknown.count()).toBe(2);
    // From the left: Ada, Eve, Ben.
    const boxes = await card('group.jpg')
      .locator('.box')
      .evaluateAll(all =>
        all.map(each => Number.parseFloat((each as unknown as { style: { left: string } }).style.left)),
      );
    const eve = boxes.indexOf(boxes.toSorted((a, b) => a - b)[1]!);
    await card('group.jpg').locator('.faces button').nth(eve).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Who is this?' }).waitFor();
    expect(await inspect(page, 'who')).toEqual([]);
    await page.keyboard.type('Eve Example');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await card('group.jpg').locator('.faces li').nth(eve).textContent()).toContain(
      'Eve Example, learned',
    );
    await card('dropped.jpg').getByRole('button', { name: 'Look again' }).click();
    await card('dropped.jpg').getByText('Eve Example, similarity').waitFor();
  });

  test('a click on a wrong name corrects it; what cannot be learned is told', async () => {
    await card('ada.jpg').locator('.box').click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByLabel('Name').inputValue()).toBe('Ada Lovelace');
    await dialog.getByLabel('Name').fill('No: such name');
    await dialog.getByRole('button', { name: 'Learn this face' }).click();
    await dialog.getByText('colon').waitFor();
    await dialog.getByLabel('Name').fill('Augusta');
    await dialog.getByRole('button', { name: 'Learn this face' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect(await card('ada.jpg').locator('.faces li').textContent()).toContain('Augusta, learned');
  });

  test('people: doubts, rename, merge, delete', async () => {
    await section('People');
    const person = (name: string) =>
      page.locator('.people > li', { has: page.locator(`.name:text-is("${name}")`) });
    await person('Augusta').locator('summary').click();
    await person('Augusta')
      .getByText('Doubtful: nearly the same picture is enrolled for Ada Lovelace')
      .waitFor();
    const pictures = person('Augusta').locator('img');
    expect(await pictures.evaluateAll(all => all.map(each => (each as unknown as Image).alt))).toEqual([
      ...['', 'Face from ada.jpg'],
    ]);
    const areSeen = () =>
      pictures.evaluateAll(all =>
        all.every(each => (each as unknown as Image).complete && (each as unknown as Image).naturalWidth > 0),
      );
    await until(areSeen, 'the pictures are seen');
    expect(await inspect(page, 'people')).toEqual([]);

    await person('Augusta').getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('dialog').getByLabel('New name').fill('Augusta Ada');
    await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
    await person('Augusta Ada').locator('summary').click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });

    await person('Ada Lovelace').locator('summary').click();
    await person('Ada Lovelace').getByRole('button', { name: 'Merge' }).click();
    expect(await inspect(page, 'merge')).toEqual([]);
    await page.getByRole('dialog').getByLabel('Name or id').fill('Augusta Ada');
    await page.getByRole('dialog').getByRole('button', { name: 'Merge' }).click();
    await person('Augusta Ada').waitFor({ state: 'detached' });
    expect(await person('Ada Lovelace').locator('summary').textContent()).toContain('2 faces');

    await person('Ada Lovelace').locator('summary').click();
    await person('Ada Lovelace').getByRole('button', { name: 'Delete face' }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await person('Ada Lovelace').getByRole('button', { name: 'Delete face' }).count()).toBe(1);

    await person('Eve Example').locator('summary').click();
    await person('Eve Example').getByLabel('Photos of Eve Example').setInputFiles(file('eve.jpg'));
    await person('Eve Example').getByText('eve.jpg, quality').waitFor();
    await person('Eve Example').getByRole('button', { name: 'Delete Eve' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await person('Eve Example').waitFor({ state: 'detached' });

    await page.getByLabel('Name of a new person').fill('Ben');
    await page.keyboard.press('Enter');
    await person('Ben').waitFor();
    expect(await page.getByLabel('Find').inputValue()).toBe('Ben');
    await page.getByText('1 of 1 person').waitFor();
    await page.getByLabel('Find').fill('');
    await page.getByText('2 of 2 people').waitFor();
    const { people } = (await (await fetch(new URL('people', system.url))).json()) as {
      people: { id: string; faces: unknown[] }[];
    };
    expect(people.map(({ id, faces }) => [id, faces.length])).toEqual([
      ['Ben', 0],
      ['ada', 1],
    ]);
  });

  test('the keyboard alone leads everywhere', async () => {
    const other = await page.context().newPage();
    await other.goto(system.url.href);
    await other.getByRole('heading', { name: 'Who is on the photo?' }).waitFor();
    const focused = () => other.evaluate('document.activeElement.id || document.activeElement.textContent');
    const tab = async () => {
      await other.keyboard.press('Tab');
      return focused();
    };
    const seen: unknown[] = [];
    for (let i = 0; i < 5; i++) seen.push(await tab());
    expect(seen).toEqual(['facerec', 'Photos', 'People', 'Live', 'files']);
    await other.keyboard.press('Shift+Tab');
    await other.keyboard.press('Shift+Tab');
    await other.keyboard.press('Enter');
    await until(async () => (await focused()) === 'people-title', 'the heading has the focus');
    await other.getByText('2 of 2 people').waitFor();
    const parts: unknown[] = [];
    for (let i = 0; i < 5; i++) parts.push(await tab());
    expect(parts).toEqual(['new-person', 'Add', 'find-person', 'Ada Lovelace 1 face', 'Ben 0 faces']);
    await other.keyboard.press('Enter');
    await other.getByRole('button', { name: 'Rename Ben' }).waitFor();
    await other.close();
  });

  test('live: queue, fleet, decisions, answers; a dead letter goes round again', async () => {
    const dead = new LocalQueue({
      ...{ file: join(data, 'queue.sqlite'), visibilitySeconds: 30 },
      name: 'dead-letters',
    });
    const input = await LocalBlobs.open(join(data, 'input'));
    const letter = (name: string) =>
      ({ v: 1, kind: 'recognise', id: Bun.randomUUIDv7(), file: name }) as const;
    const [there, gone] = [letter('there.jpg'), letter('gone.jpg')];
    await input.put(inputKey(there), await photoOf('ada'));
    for (const each of [there, gone]) await dead.send(encodeMessage(each));
    await dead.close();

    await section('Live');
    await page.getByText('Connected').waitFor();
    await page.locator('#fleet li').first().waitFor();
    expect(await page.locator('#fleet li').first().textContent()).toMatch(
      /slot 0\s+(starting|idle|working)\s+\d+ /,
    );
    expect(await page.locator('#decisions li').first().textContent()).toContain('launch');
    const line = (name: string) => page.locator('#dead-list li', { hasText: name });
    // Whoever looks at dead letters hides them for that moment; the controller does so, too.
    await until(async () => {
      await page.getByRole('button', { name: 'Look again', exact: true }).click();
      await page.locator('#dead-state', { hasText: /None|letter/ }).waitFor();
      return (await line('there.jpg').count()) === 1 && (await line('gone.jpg').count()) === 1;
    }, 'both dead letters are listed');
    expect(await line('gone.jpg').textContent()).toContain('The photo is no longer kept.');
    expect(await inspect(page, 'live')).toEqual([]);
    await until(async () => {
      const again = line('there.jpg').getByRole('button', { name: 'Try again' });
      await page.getByRole('button', { name: 'Look again', exact: true }).click();
      await page.locator('#dead-state', { hasText: /None|letter/ }).waitFor();
      // Others that look hide it for a moment; until it is answered anew, its result is the failure.
      await again.click({ timeout: 1_000 }).catch(() => {});
      const result = (await (await fetch(new URL(`results/${there.id}`, system.url))).json()) as object;
      return 'label' in result && result.label === 'Ada Lovelace';
    }, 'the letter went round again, and was answered');
    await page.locator('#answers li', { hasText: there.id }).first().waitFor();
    await until(async () => (await page.locator('#dead').textContent()) === '1', 'one dead letter is left');
  });

  test('with keys, a browser has to sign in, and can sign out', async () => {
    const keys = run('src/web.ts', { FACEREC_DATA: data }, [
      ...['keys', 'create', '--name', 'operator', '--scope', 'admin'],
    ]);
    await keys.child.exited;
    const token = /^(facerec_\S+)$/m.exec(keys.output())?.[1] ?? '';
    await until(async () => (await fetch(new URL('people', system.url))).status === 401, 'keys are needed');
    await section('People');
    await page.getByLabel('This server needs a key').waitFor();
    expect(await inspect(page, 'login')).toEqual([]);
    await page.getByLabel('This server needs a key').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await page.getByLabel('This server needs a key').fill(token);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    await section('Live');
    await page.getByText('Connected').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('This server needs a key').waitFor();
    await page.goto(system.url.href);
    await page.getByLabel('This server needs a key').waitFor();
  });

  test('nothing went wrong in the browser, and no other server was asked', () => {
    expect(faults).toEqual([]);
  });
});
