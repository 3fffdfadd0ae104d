import { expect, it } from 'vitest';
import { describeRedisError } from './reports.ts';

it('describeRedisError keeps the password to itself that a Redis without AUTH repeats', () => {
  const said = "ERR unknown command 'AUTH', with args beginning with: 'user' 'hunter2' ";
  expect(describeRedisError(new Error(said))).toEqual({
    renew_error_type: 'Error',
    renew_error: "ERR unknown command 'AUTH'",
  });
});

it('describeRedisError names the code of a connection that failed', () => {
  const error = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { code: 'ECONNREFUSED' });
  expect(describeRedisError(error)).toEqual({
    renew_error_type: 'ECONNREFUSED',
    renew_error: 'connect ECONNREFUSED 127.0.0.1:6379',
  });
});
