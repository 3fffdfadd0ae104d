import { describe, expect, it } from 'vitest';
import { dsnProblem, parseDsn } from './dsn.ts';

const NOBODY = { username: undefined, password: undefined };
const at = (host: string, port = 6379): object => ({ at: { host, port, tls: undefined }, ...NOBODY, db: 0 });

describe('parseDsn', () => {
  it.each([
    ['redis://queue', at('queue')],
    [' redis://127.0.0.1:7000 ', at('127.0.0.1', 7000)],
    ['redis://[::1]:7000', at('::1', 7000)],
    ['redis://', at('localhost')],
    ['REDIS://queue/3', { ...at('queue'), db: 3 }],
    ['redis://queue?db=4&protocol=3', { ...at('queue'), db: 4 }],
    ['redis://me:a%40b%2Fc@queue', { ...at('queue'), username: 'me', password: 'a@b/c' }],
    ['redis://:100%25x@queue', { ...at('queue'), password: '100%x' }],
    ['redis://:50%@queue', { ...at('queue'), password: '50%' }],
    [
      'rediss://queue:6380/1',
      {
        at: { host: 'queue', port: 6380, tls: { servername: 'queue', rejectUnauthorized: true } },
        ...NOBODY,
        db: 1,
      },
    ],
    [
      'rediss://10.0.0.1?ssl_cert_reqs=none',
      { at: { host: '10.0.0.1', port: 6379, tls: { rejectUnauthorized: false } }, ...NOBODY, db: 0 },
    ],
    ['unix:///run/redis.sock', { at: { path: '/run/redis.sock' }, ...NOBODY, db: 0 }],
    [
      'unix://me:secret@/run/redis%20one.sock?db=2',
      { at: { path: '/run/redis one.sock' }, username: 'me', password: 'secret', db: 2 },
    ],
    [
      'unix:///run/redis.sock?password=x',
      { at: { path: '/run/redis.sock' }, ...NOBODY, password: 'x', db: 0 },
    ],
  ])('reads %s', (text, target) => {
    expect(parseDsn(text)).toEqual({ kind: 'target', target });
  });
});

describe('dsnProblem', () => {
  it.each(['hunter2', 'http://hunter2', 'unix://hunter2', 'redis://a b:hunter2', 'redis://x/hunter2', ''])(
    'says what is wrong with %j without showing it',
    (text) => {
      const problem = dsnProblem(text);
      expect(problem).toMatch(/must be/);
      expect(problem).not.toContain('hunter2');
    },
  );

  it('has nothing to say about what can be used', () => {
    expect(dsnProblem('redis://queue')).toBeUndefined();
  });
});
