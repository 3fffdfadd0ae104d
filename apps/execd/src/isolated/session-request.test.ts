import { describe, expect, it } from 'vitest';
import { cleanPath, parseRunRequest, parseSessionRequest } from './session-request.ts';

const WORKSPACE = { workspace: { path: '/w' } };

describe('parseSessionRequest', () => {
  it('fills in what is not said', () => {
    expect(parseSessionRequest({ workspace: { path: '/w//x/../' }, uid: null })).toEqual({
      workspace: { path: '/w', mode: 'overlay' },
      profile: 'strict',
      extraWritable: [],
      binds: [],
      shareNet: undefined,
      passthrough: undefined,
      uid: undefined,
      gid: undefined,
      uidMode: 'setpriv',
      idleTimeoutSeconds: 0,
    });
  });

  it('puts a bind where it comes from when no other place is named', () => {
    const binds = [{ source: '/data/a/' }, { source: '/data/b', dest: '/mnt/b', readonly: true }];
    expect(parseSessionRequest({ ...WORKSPACE, binds }).binds).toEqual([
      { source: '/data/a', dest: '/data/a', readonly: false },
      { source: '/data/b', dest: '/mnt/b', readonly: true },
    ]);
  });

  it.each([
    [{}, 'INVALID_REQUEST_BODY', 'workspace is required'],
    [{ workspace: { path: '' } }, 'INVALID_REQUEST_BODY', 'workspace.path is required'],
    [{ workspace: { path: 'w' } }, 'INVALID_REQUEST_BODY', 'absolute'],
    [{ workspace: { path: '/w', mode: 'x' } }, 'INVALID_REQUEST_BODY', 'must be rw, overlay, or ro'],
    [{ ...WORKSPACE, profile: 'x' }, 'RUNTIME_ERROR', 'unknown isolation profile'],
    [{ ...WORKSPACE, uid_mode: 'x' }, 'INVALID_REQUEST_BODY', 'must be "setpriv" or "userns"'],
    [{ ...WORKSPACE, env_passthrough: { mode: 'x' } }, 'INVALID_REQUEST_BODY', 'must be "deny" or "allow"'],
    [{ ...WORKSPACE, binds: [{}] }, 'INVALID_REQUEST_BODY', 'binds[0].source is required'],
    [{ ...WORKSPACE, binds: [{ source: 'r' }] }, 'INVALID_REQUEST_BODY', 'must be an absolute path'],
    [{ ...WORKSPACE, binds: [{ source: '/r', dest: 'd' }] }, 'INVALID_REQUEST_BODY', 'binds[0].dest "d"'],
    [{ ...WORKSPACE, binds: {} }, 'INVALID_REQUEST_BODY', 'must be a list'],
    [{ ...WORKSPACE, extra_writable: ['r'] }, 'RUNTIME_ERROR', 'must be an absolute path'],
    [{ ...WORKSPACE, idle_timeout_seconds: -1 }, 'INVALID_REQUEST_BODY', 'idle_timeout_seconds'],
  ])('refuses %j', (body, code, message) => {
    expect(() => parseSessionRequest(body)).toThrow(
      expect.objectContaining({
        kind: 'invalid',
        code,
        message: expect.stringContaining(message) as string,
      }) as Error,
    );
  });
});

describe('parseRunRequest', () => {
  it('reads seconds, and none for zero', () => {
    expect(parseRunRequest({ code: 'x', timeout_seconds: 2 }).timeoutMs).toBe(2000);
    expect(parseRunRequest({ code: 'x', timeout_seconds: 0 }).timeoutMs).toBeUndefined();
  });

  it.each([[{}], [{ code: '' }], [{ code: 'x', timeout_seconds: -1 }], [{ code: 'x', background: true }]])(
    'refuses %j',
    (body) => {
      expect(() => parseRunRequest(body)).toThrow(
        expect.objectContaining({ code: 'INVALID_REQUEST_BODY' }) as Error,
      );
    },
  );
});

describe('cleanPath', () => {
  it.each([
    ['/a/./b//c/', '/a/b/c'],
    ['/a/../../b', '/b'],
    ['/', '/'],
  ])('makes %s %s', (path, cleaned) => {
    expect(cleanPath(path)).toBe(cleaned);
  });
});
