import { describe, expect, it } from 'vitest';
import { sessionEnvironment } from './session-environment.ts';

const OWN = {
  PATH: '/bin',
  HOME: '/root',
  PLAIN: 'p',
  FOO_TOKEN: 's',
  AWS_REGION: 's',
  DB_PASSWORD: 's',
  EXECD_ENVS: '/e',
  JUPYTER_TOKEN: 's',
  UNSET: undefined,
};

describe('sessionEnvironment', () => {
  it('keeps back what may be secret', () => {
    expect(sessionEnvironment(OWN)).toEqual({ PATH: '/bin', HOME: '/root', PLAIN: 'p' });
  });

  it('keeps back what is listed, too', () => {
    expect(sessionEnvironment(OWN, { mode: 'deny', keys: ['PLAIN'] })).not.toHaveProperty('PLAIN');
  });

  it('passes what is listed and nothing else that is not needed by every program', () => {
    expect(sessionEnvironment(OWN, { mode: 'allow', keys: ['FOO_TOKEN'] })).toEqual({
      PATH: '/bin',
      HOME: '/root',
      FOO_TOKEN: 's',
    });
  });
});
