import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser, openPage, useApp } from './support/browser.ts';
import { type GatewayMode, openGateway } from './support/gateway-process.ts';
import {
  DIRECT,
  type ServicePort,
  type ServiceSandbox,
  THROUGH_AGENT,
  openServiceSandbox,
} from './support/service-sandbox.ts';

/** The gateway lets cookies through: behind it, an app is on its own. */
const COOKIES = 'flavour=oat; size=large';

describe('an app in a sandbox, opened in a browser through the gateway', () => {
  let services: ServiceSandbox;
  let browser: Browser;

  beforeAll(async () => {
    services = await openServiceSandbox({ programs: ['app'] });
    for (const port of [DIRECT, THROUGH_AGENT]) await services.start(port, 'app');
    browser = await openBrowser();
  });

  afterAll(async () => {
    await browser.close();
    await services[Symbol.asyncDispose]();
  });

  function unsignedUrl(mode: GatewayMode, address: string, { port }: ServicePort): string {
    if (mode === 'uri') return `http://${address}/${services.id}/${port}`;
    // Browsers find every name below localhost on the machine itself.
    return `http://${services.id}-${port}.localhost:${address.split(':')[1]}`;
  }

  async function open(url: string): Promise<void> {
    const page = await openPage(browser);
    await useApp(page, { url: `${url}/`, cookie: COOKIES });
    await page.close();
  }

  it.each(['uri', 'wildcard'] as const)('works in %s mode, on either port', async (mode) => {
    await using gateway = await openGateway(services.server, { mode });
    for (const port of [DIRECT, THROUGH_AGENT]) await open(unsignedUrl(mode, gateway.address, port));
  });

  it.each(['uri', 'wildcard'] as const)(
    'works by a signed URL in %s mode, and without one not',
    async (mode) => {
      await using gateway = await openGateway(services.server, { mode, isSigned: true });
      const { port } = DIRECT;
      const page = await openPage(browser);
      expect((await page.goto(`${unsignedUrl(mode, gateway.address, DIRECT)}/`))?.status()).toBe(401);
      await page.close();
      const route = { mode, sandboxId: services.id, port, ttl: '15m' };
      const url = await gateway.sign(route);
      await open(url);
      const [, signature = ''] = /[-/]([0-9a-z]+)(?:\.localhost:\d+)?$/.exec(url) ?? [];
      expect(signature).not.toBe('');
      expect(gateway.output()).toContain(services.id);
      expect(gateway.output()).not.toContain(signature);
    },
  );

  it('refuses a signed URL whose time is over', async () => {
    await using gateway = await openGateway(services.server, { mode: 'uri', isSigned: true });
    const url = await gateway.sign({ mode: 'uri', sandboxId: services.id, port: DIRECT.port, ttl: '1s' });
    const page = await openPage(browser);
    await expect.poll(async () => (await page.goto(`${url}/`))?.status(), { timeout: 30_000 }).toBe(401);
    await page.close();
  });
});
