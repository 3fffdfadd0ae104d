import { sampleSpec } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { fakeConfig } from './config.ts';
import type { Script } from './script.ts';
import { readScript } from './script.ts';

function script(env: Readonly<Record<string, string>>): Script {
  return readScript(sampleSpec({ env: Object.entries(env) }), fakeConfig({ imageMs: 7 }));
}

describe('readScript', () => {
  it('takes its defaults from the configuration', () => {
    expect(script({})).toEqual({
      delayMs: { image: 7, create: 0, start: 0 },
      failure: undefined,
      exit: undefined,
      agentMs: 0,
      log: '',
    });
  });

  it.each<[string, Readonly<Record<string, string>>, object]>([
    [
      'delays',
      { FAKE_IMAGE_MS: '1', FAKE_CREATE_MS: '2', FAKE_START_MS: '3' },
      { delayMs: { image: 1, create: 2, start: 3 } },
    ],
    [
      'nonsense as absent',
      { FAKE_IMAGE_MS: 'soon', FAKE_EXIT_AFTER_MS: '-1' },
      { delayMs: { image: 7 }, exit: undefined },
    ],
    [
      'an exit',
      { FAKE_EXIT_AFTER_MS: '5', FAKE_EXIT_CODE: '3' },
      { exit: { afterMs: 5, code: 3, oomKilled: false } },
    ],
    ['a lack of memory', { FAKE_OOM_AFTER_MS: '5' }, { exit: { afterMs: 5, code: 137, oomKilled: true } }],
    ['a silent agent', { FAKE_AGENT: 'never' }, { agentMs: 'never' }],
    ['a slow agent', { FAKE_AGENT_MS: '9' }, { agentMs: 9 }],
    [
      'a failed pull',
      { FAKE_FAIL: 'image.pull_failed' },
      { failure: { step: 'image', fault: { kind: 'internal', code: 'image.pull_failed' } } },
    ],
    [
      'an engine away',
      { FAKE_FAIL: 'engine.unavailable', FAKE_FAIL_STEP: 'create' },
      { failure: { step: 'create', fault: { kind: 'unavailable' } } },
    ],
    [
      'an unknown failure',
      { FAKE_FAIL: 'bogus' },
      { failure: { step: 'start', fault: { code: 'sandbox.start_failed' } } },
    ],
  ])('reads %s', (_what, env, expected) => {
    expect(script(env)).toMatchObject(expected);
  });
});
