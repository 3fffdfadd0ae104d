import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { named, orAbsent, orAlready, readConnectionFailure, readEngineFailure, tellWhere } from './faults.ts';

const NEVER = new AbortController().signal;

describe('readEngineFailure', () => {
  it.each([
    [400, 'invalid'],
    [404, 'not_found'],
    [409, 'conflict'],
    [500, 'internal'],
    [503, 'unavailable'],
    [418, 'internal'],
  ])('takes the kind of status %i from the status: %s', (status, kind) => {
    expect(readEngineFailure(status, { message: 'the engine said so' })).toMatchObject({
      kind,
      code: 'engine.failed',
      message: 'the engine said so',
    });
  });

  it.each([
    ['that name is already in use', 'conflict'],
    ['container state improper', 'conflict'],
    ['something else', 'internal'],
  ])('takes the kind of status 500 from the cause that Podman names: %s', (cause, kind) => {
    expect(readEngineFailure(500, { cause, message: 'no', response: 500 }).kind).toBe(kind);
  });

  it.each([
    ['plain text', 'plain text'],
    [{ cause: 'podman says', message: 'podman says' }, 'podman says'],
    [{}, 'HTTP status 500'],
    ['', 'HTTP status 500'],
    [undefined, 'HTTP status 500'],
  ])('finds words in %j', (body, message) => {
    expect(readEngineFailure(500, body).message).toBe(message);
  });
});

describe('readConnectionFailure', () => {
  it.each(['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE'])('says unavailable for %s', (code) => {
    const error = Object.assign(new Error('connect'), { code });
    expect(readConnectionFailure(error, NEVER)).toMatchObject({
      kind: 'unavailable',
      code: 'engine.unavailable',
    });
  });

  it.each(['open', 'lstat', 'readlink'])(
    'does not blame the engine for a file that %s did not find',
    (syscall) => {
      const error = Object.assign(new Error('ENOENT'), {
        code: 'ENOENT',
        syscall,
        path: '/somewhere/private/execd',
      });
      const fault = readConnectionFailure(error, NEVER);
      expect(fault).toMatchObject({ kind: 'internal', code: 'agent.distribution_failed', cause: error });
      expect(fault.message).toMatch(/^The file execd of .* \(ENOENT\).*npm run build/);
      expect(fault.message).not.toContain('/somewhere');
    },
  );

  it('blames the engine for its socket that is not there', () => {
    const error = Object.assign(new Error('connect'), {
      code: 'ENOENT',
      syscall: 'connect',
      path: '/run/d.sock',
    });
    expect(readConnectionFailure(error, NEVER)).toMatchObject({ code: 'engine.unavailable' });
  });

  it('says what aborted the call, when something did', () => {
    const reason = new Fault('timeout', 'engine.timeout', 'too long');
    expect(readConnectionFailure(new Error('aborted'), AbortSignal.abort(reason))).toBe(reason);
    expect(readConnectionFailure(new Error('aborted'), AbortSignal.abort())).toMatchObject({
      kind: 'cancelled',
    });
  });
});

describe('named', () => {
  it('gives an engine failure the code of the verb', async () => {
    const work = Promise.reject(readEngineFailure(409, { message: 'no' }));
    await expect(named('sandbox.pause_failed', 'Failed to pause', work)).rejects.toMatchObject({
      kind: 'internal',
      code: 'sandbox.pause_failed',
      message: 'Failed to pause: no',
    });
  });

  it('leaves the absence of the engine what it is', async () => {
    const away = new Fault('unavailable', 'engine.unavailable', 'away');
    await expect(named('sandbox.pause_failed', 'Failed', Promise.reject(away))).rejects.toBe(away);
  });
});

describe('orAbsent and orAlready', () => {
  it('turn not found into an answer', async () => {
    const absent: unknown = await orAbsent(Promise.reject<string>(readEngineFailure(404, '')));
    expect(absent).toBeUndefined();
    await orAlready(Promise.reject(readEngineFailure(404, '')));
    await orAlready(Promise.reject(readEngineFailure(409, '')));
  });

  it('let other failures through', async () => {
    await expect(orAbsent(Promise.reject(readEngineFailure(500, '')))).rejects.toThrow();
    await expect(orAlready(Promise.reject(readEngineFailure(500, '')))).rejects.toThrow();
  });
});

describe('tellWhere', () => {
  const SSH = { name: 'ssh://far', protocol: 'ssh' } as const;
  const failure = (details: object): Fault =>
    readConnectionFailure(Object.assign(new Error('x'), details), NEVER);
  const told = (error: unknown, connection: Parameters<typeof tellWhere>[1] = SSH): string =>
    (tellWhere(error, connection) as Fault).message;

  it('adds the words of ssh, which no client reads', () => {
    const fault = failure({ code: 'ERR_SSH_FAILED', exitCode: 255, said: 'me@far: Permission denied' });
    expect(fault.message).not.toMatch(/far/);
    expect(told(fault)).toMatch(/\(ssh:\/\/far\) ssh said: me@far: Permission denied$/);
  });

  it.each([
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /ca\.pem/],
    ['CERT_HAS_EXPIRED', /expired.*clocks/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /another host/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /cert\.pem and key\.pem/],
    ['EPROTO', /2376/],
  ])('keeps what to do about %s', (code, advice) => {
    expect(told(failure({ code }), { name: 'tcp://far:2376', protocol: 'https' })).toMatch(advice);
  });

  it('suspects the certificate when a TLS port hangs up, and TLS when a plain one refuses', () => {
    expect(told(failure({ code: 'ECONNRESET' }), { name: 'x', protocol: 'https' })).toMatch(/certificate\.$/);
    expect(told(readEngineFailure(400, 'no'), { name: 'x', protocol: 'http' })).toMatch(
      /DOCKER_TLS_VERIFY=1/,
    );
  });

  it('leaves what is no failure of the engine as it is', () => {
    const gone = new Fault('cancelled', 'operation.cancelled', 'gone');
    expect(tellWhere(gone, SSH)).toBe(gone);
    const defect = new TypeError('x');
    expect(tellWhere(defect, SSH)).toBe(defect);
  });
});
