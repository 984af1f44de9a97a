import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';

const program = process.env.FACEREC_TEST_CHROMIUM ?? '/usr/bin/chromium';
const output = join(import.meta.dir, '../output/browser');

/** Why there can be no browser test here; undefined where there can. */
export const noBrowser = existsSync(program)
  ? undefined
  : `there is no ${program}: apt-get install chromium, or set FACEREC_TEST_CHROMIUM`;

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: program,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** What a page must not do: errors, breaches of its policy, requests to other servers. */
export function faultsOf(page: Page, origin: string): string[] {
  const faults: string[] = [];
  page.on('pageerror', error => faults.push(String(error)));
  page.on('console', message => {
    // Refused photos are answered 4xx, which Chromium notes by itself.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      faults.push(message.text());
  });
  page.on('request', request => {
    const { protocol, origin: asked } = new URL(request.url());
    if (protocol.startsWith('http') && asked !== origin) faults.push(`asked ${request.url()}`);
  });
  return faults;
}

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe-core finds wrong with the page as it is now. */
export async function violations(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const evaluate = async (expression: string) => {
    const options = { awaitPromise: true, returnByValue: true };
    const { result } = await session.send('Runtime.evaluate', { expression, ...options });
    return result.value as unknown;
  };
  await evaluate(`${axe.source}; 0`);
  const text = await evaluate('axe.run().then(result => JSON.stringify(result.violations))');
  await session.detach();
  const found = JSON.parse(text as string) as readonly Violation[];
  return found.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.html} ${node.failureSummary}`));
}

const looks = [1280, 390].flatMap(width => (['light', 'dark'] as const).map(scheme => ({ width, scheme })));

/**
 * Looks at the page on a wide screen and on a phone, light and dark: a picture of each in `test/output/browser`. Resolves to
 * what is wrong with it.
 */
export async function inspect(page: Page, name: string): Promise<string[]> {
  await mkdir(output, { recursive: true });
  const wrong: string[] = [];
  for (const { width, scheme } of looks) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.screenshot({ path: join(output, `${name}-${width}-${scheme}.png`), fullPage: true });
    const found = await violations(page);
    if (await page.evaluate('document.documentElement.scrollWidth > innerWidth'))
      found.push('scrolls sideways');
    wrong.push(...found.map(each => `${name} ${width} ${scheme}: ${each}`));
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  return wrong;
}
