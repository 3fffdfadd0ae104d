import { describe, expect, it } from 'vitest';
import { readBatchSandbox } from './batch-sandbox.ts';

const object = (endpoints: string | undefined, status: unknown, more = {}) => ({
  metadata: {
    name: 'a',
    annotations: {
      ...(endpoints === undefined ? {} : { 'sandbox.opensandbox.io/endpoints': endpoints }),
      ...more,
    },
  },
  status,
});
const READY = { ready: 1 };

describe('readBatchSandbox', () => {
  it.each([
    ['["10.0.0.9"]', '10.0.0.9'],
    ['["10.0.0.9","10.0.0.10"]', '10.0.0.9'],
    ['["fd00::9"]', 'fd00::9'],
    ['["[fd00::9]"]', 'fd00::9'],
    ['[" 10.0.0.9 "]', '10.0.0.9'],
    ['["pod-1.pods.svc"]', 'pod-1.pods.svc'],
  ])('dials the first address of %s', (endpoints, host) => {
    expect(readBatchSandbox(object(endpoints, READY))).toEqual({ host, problem: '', accessToken: undefined });
  });

  it.each([
    undefined,
    '',
    'no json',
    '[]',
    'null',
    '{"0":"10.0.0.9"}',
    '[""]',
    '[7]',
    '["10.0.0.9:80"]',
    '["10.0.0.9/x"]',
    '["user@10.0.0.9"]',
    '["a b"]',
  ])('dials nothing while the addresses are %s', (endpoints) => {
    expect(readBatchSandbox(object(endpoints, READY))).toMatchObject({
      host: undefined,
      problem: 'it has no address',
    });
  });

  it.each([undefined, null, {}, { ready: 0 }, { ready: '1' }])(
    'dials nothing while the status is %j',
    (status) => {
      expect(readBatchSandbox(object('["10.0.0.9"]', status))).toMatchObject({
        host: undefined,
        problem: 'it has not started',
      });
    },
  );

  it.each([
    ['token', 'token'],
    [' token ', 'token'],
    [' ', undefined],
    ['', undefined],
  ])('takes "%s" as the token %s', (text, accessToken) => {
    const secured = { 'opensandbox.io/secure-access-token': text };
    expect(readBatchSandbox(object('["10.0.0.9"]', READY, secured)).accessToken).toBe(accessToken);
    // It is known before the sandbox is ready, too.
    expect(readBatchSandbox(object(undefined, {}, secured)).accessToken).toBe(accessToken);
  });
});
