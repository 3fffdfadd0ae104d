import { describe, expect, it } from 'vitest';
import { parseSessionRequest, parseSessionRunRequest } from './session-request.ts';

const DAY_MS = 86_400_000;

describe('parseSessionRequest', () => {
  it.each([
    [null, ''],
    [{}, ''],
    [{ cwd: null }, ''],
    [{ CWD: '/tmp', other: 1 }, '/tmp'],
  ])('reads %j', (body, cwd) => {
    expect(parseSessionRequest(body)).toBe(cwd);
  });

  it.each([[[]], ['x'], [{ cwd: 1 }]])('refuses %j', (body) => {
    expect(() => parseSessionRequest(body)).toThrow(/^error parsing request\. /);
  });
});

describe('parseSessionRunRequest', () => {
  it.each([
    [{ command: 'a' }, { command: 'a', cwd: '', timeoutMs: DAY_MS, envs: {} }],
    [
      { command: ' ', cwd: null, timeout: null },
      { command: ' ', cwd: '', timeoutMs: DAY_MS, envs: {} },
    ],
    [
      { command: 'a', cwd: '/x', timeout: 5 },
      { command: 'a', cwd: '/x', timeoutMs: 5, envs: {} },
    ],
    [
      { command: 'a', timeout: 0 },
      { command: 'a', cwd: '', timeoutMs: DAY_MS, envs: {} },
    ],
  ])('reads %j', (body, request) => {
    expect(parseSessionRunRequest(body)).toEqual(request);
  });

  it.each([
    [null, 'invalid request. command is required'],
    [{ command: '' }, 'invalid request. command is required'],
    [{ command: 'a', timeout: -1 }, 'invalid request. timeout must not be negative'],
    [{ command: 1 }, 'error parsing request. command must be a string'],
  ])('refuses %j', (body, message) => {
    expect(() => parseSessionRunRequest(body)).toThrow(message);
  });
});
