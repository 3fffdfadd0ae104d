import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser, openPage, useApp } from './support/browser.ts';
import { DIRECT, type ServiceSandbox, THROUGH_AGENT, openServiceSandbox } from './support/service-sandbox.ts';

describe('an app in a sandbox, opened in a browser through the server proxy', () => {
  let services: ServiceSandbox;
  let browser: Browser;

  beforeAll(async () => {
    services = await openServiceSandbox({ programs: ['app'] });
    browser = await openBrowser();
  });

  afterAll(async () => {
    await browser.close();
    await services[Symbol.asyncDispose]();
  });

  it.each([DIRECT, THROUGH_AGENT])('works $way', async (port) => {
    await services.start(port, 'app');
    const { endpoint } = await services.sandbox.getEndpoint(port.port);
    expect(endpoint).toContain(`/sandboxes/${services.id}/proxy/${port.port}`);
    const page = await openPage(browser);
    // The server keeps cookies to itself: one origin serves it and all sandboxes.
    await useApp(page, { url: `http://${endpoint}/`, cookie: 'none' });
    await page.close();
  });
});
