import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Browser, type Page, chromium } from 'playwright-core';
import { expect } from 'vitest';
import { REPORT_BYTES } from './services/report.ts';
import { pattern, patternSum } from './services/pattern.ts';

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
];
/** Long enough for two busy processors. */
const PATIENCE_MS = 60_000;

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGUMENTS, timeout: PATIENCE_MS });
}

export async function openPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  return page;
}

export interface AppStory {
  /** Where the app is, its slash included. */
  readonly url: string;
  /** What the service gets to see of the cookies that it set. */
  readonly cookie: string;
  /** Where a picture of the page goes. */
  readonly screenshot?: string;
}

/** Opens the app and does in it what people do in an app. Fails when anything of it does not work. */
export async function useApp(page: Page, { url, cookie, screenshot }: AppStory): Promise<void> {
  const failures: string[] = [];
  page.on('pageerror', (error) => failures.push(error.message));
  page.on('requestfailed', (request) => failures.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on('response', (answer) => {
    const isIcon = answer.url().endsWith('/favicon.ico'); // asked for by the browser, outside of the app
    if (answer.status() >= 400 && !isIcon) failures.push(`${answer.status()} ${answer.url()}`);
  });

  expect((await page.goto(url))?.status()).toBe(200);
  expect(await page.title()).toBe('An app in a sandbox');
  await sees(page, 'fetch', 'desserts');
  await sees(page, 'events', 'one two three end');
  await sees(page, 'socket', 'chat: hello yourself, 4000 enough');
  await sees(page, 'cookie', cookie);
  const colour = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
  expect(colour).toBe('rgb(240, 248, 255)');
  if (screenshot !== undefined) await page.screenshot({ path: screenshot });

  await page.click('#second');
  await sees(page, 'from', 'first');
  await page.click('#back');
  await sees(page, 'fetch', 'desserts');

  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  expect(download.suggestedFilename()).toBe('report.bin');
  const report = await readFile(await download.path());
  expect(createHash('sha256').update(report).digest('hex')).toBe(patternSum(REPORT_BYTES));

  const file = {
    name: 'large.bin',
    mimeType: 'application/octet-stream',
    buffer: Buffer.concat([...pattern(0, 5_000_000)]),
  };
  await page.setInputFiles('#file', file);
  await page.click('#send');
  await sees(page, 'sum', patternSum(5_000_000));
  // What the browser itself gave up: a source of events that the page closed, the way to a download.
  expect(failures.filter((text) => !text.endsWith('net::ERR_ABORTED'))).toEqual([]);
}

async function sees(page: Page, id: string, text: string): Promise<void> {
  await expect.poll(() => page.locator(`#${id}`).textContent(), { timeout: PATIENCE_MS }).toBe(text);
}
