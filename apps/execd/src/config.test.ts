import { describe, expect, it } from 'vitest';
import { helpText, parseInvocation } from './config.ts';
import type { AgentConfig } from './config.ts';
import { parseGoDuration } from './go-duration.ts';
import { levelFor } from './json-log.ts';

function config(args: string[], environment: Record<string, string> = {}): AgentConfig {
  const invocation = parseInvocation(args, environment);
  if (invocation.kind !== 'run') throw new Error(JSON.stringify(invocation));
  return invocation.config;
}

describe('parseInvocation', () => {
  it('reads no flags after what is none', () => {
    expect(config(['--port', '1', 'tail', '-f', '/dev/null', '--port', '2'])).toMatchObject({ port: 1 });
  });

  it('has defaults', () => {
    expect(config([])).toMatchObject({
      port: 44772,
      logLevel: 6,
      graceMs: 1000,
      idlePollMs: 100,
      jupyterHost: '',
    });
  });

  it('takes one dash or two, and a flag over the environment', () => {
    const environment = { EXECD_ACCESS_TOKEN: 'env', EXECD_API_GRACE_SHUTDOWN: '3s' };
    expect(config(['-access-token', 'flag', '--port=7'], environment).accessToken.reveal()).toBe('flag');
    expect(config([], environment)).toMatchObject({ graceMs: 3000 });
    expect(config(['--graceful-shutdown-timeout', '500ms'], environment).graceMs).toBe(500);
  });

  it('checks the host of the environment, and not that of the flag', () => {
    expect(parseInvocation([], { JUPYTER_HOST: 'host' }).kind).toBe('refused');
    expect(config(['--jupyter-host', 'host']).jupyterHost).toBe('host');
  });

  it('warns of a poll interval that is not positive and uses the default', () => {
    const invocation = parseInvocation([], { EXECD_JUPYTER_IDLE_POLL_INTERVAL: '0' });
    expect(invocation).toMatchObject({ config: { idlePollMs: 100 }, warnings: [expect.any(String)] });
  });

  it('tells every problem at once', () => {
    const args = [
      '--nope',
      '--port',
      '70000',
      '--log-level=x',
      '--graceful-shutdown-timeout=soon',
      '--access-token',
    ];
    expect(parseInvocation(args, {})).toMatchObject({ kind: 'refused', problems: { length: 5 } });
  });

  it('helps', () => {
    expect(parseInvocation(['-h'], {}).kind).toBe('help');
    expect(helpText()).toContain('EXECD_ACCESS_TOKEN');
    for (const name of ['--help', '--version', 'EXECD_ENVS', 'OTEL_EXPORTER_OTLP_ENDPOINT']) {
      expect(helpText()).toContain(name);
    }
  });
});

describe('parseGoDuration', () => {
  it.each([
    ['500ms', 500],
    ['1.5s', 1500],
    ['1m30s', 90_000],
    ['0', 0],
    ['-1s', -1000],
    ['1h', 3_600_000],
    ['5', undefined],
    ['', undefined],
    ['1x', undefined],
    ['s', undefined],
  ])('reads %s as %s', (text, ms) => {
    expect(parseGoDuration(text)).toBe(ms);
  });
});

describe('levelFor', () => {
  it('maps the numbers', () => {
    expect([0, 2, 3, 4, 5, 6, 7].map(levelFor)).toEqual([
      undefined,
      undefined,
      'error',
      'warn',
      'info',
      'info',
      'debug',
    ]);
  });
});
