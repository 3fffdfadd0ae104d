import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { checkEngine, checkNetwork, judgeClock, judgeConnection, judgeVersion } from './check-engine.ts';
import { checkNode, judgeBridge, judgeDisk, judgePort } from './check-host.ts';
import { formatFindings, fail, ok, warn } from './finding.ts';

const ENGINE = 'unix:///x.sock';
const PLACE = { name: ENGINE, isSocket: true, isChosen: true };
const FAR = { name: 'ssh://far', isSocket: false, isChosen: true };

/** As the engine's line tells it: the system's own error is the cause. */
function away(code: string): Fault {
  const cause = Object.assign(new Error('x'), { code });
  return new Fault('unavailable', 'engine.unavailable', 'It does not answer.', { cause });
}

const forever = new AbortController().signal;

describe('doctor', () => {
  it.each([
    [200, { ApiVersion: '1.41', Version: '20.10.24' }, 'ok'],
    [200, { ApiVersion: '1.50', Version: '28' }, 'ok'],
    [200, { ApiVersion: '1.40', Version: '19.03' }, 'fail'],
    [404, {}, 'fail'],
    [200, 'hello', 'fail'],
  ])('judges an engine that answers %i %j as %s', (status, body, expected) => {
    expect(judgeVersion(ENGINE, { status, body }).status).toBe(expected);
  });

  it.each([
    [PLACE, away('EACCES'), 'docker group'],
    [PLACE, away('ENOENT'), 'DOCKER_HOST'],
    [PLACE, away('ECONNREFUSED'), 'Start the Docker Engine'],
    [FAR, away('EACCES'), 'remote-engines.md'],
    [FAR, new Fault('invalid', 'parameter.invalid', "no context 'x'"), 'Mend it'],
  ])('says of %j what to do about %s', (place, error, advice) => {
    expect(judgeConnection(place, error)).toMatchObject({
      status: 'fail',
      advice: expect.stringContaining(advice) as unknown,
    });
  });

  it.each([
    ['2030-01-01T00:00:04Z', 'ok'],
    ['2030-01-01T00:00:09Z', 'warn'],
    ['2029-12-31T23:00:00Z', 'warn'],
    [undefined, 'ok'],
  ])('judges an engine clock at %s as %s', (time, expected) => {
    expect(judgeClock(time, Date.UTC(2030, 0, 1)).status).toBe(expected);
  });

  it.each([
    ['host', 200, 'warn'],
    ['bridge', 200, 'ok'],
    ['mine', 404, 'fail'],
  ])('judges network mode %s, answered %i, as %s', async (mode, status, expected) => {
    const finding = await checkNetwork(async () => ({ status, body: {} }), mode, forever);
    expect(finding.status).toBe(expected);
  });

  it('reports one finding when the engine is away', async () => {
    const ask = () => Promise.reject(away('ECONNREFUSED'));
    const reading = await checkEngine({ ask, engine: PLACE, now: () => 0 }, forever);
    expect(reading).toMatchObject({ answered: false, findings: [{ check: 'engine', status: 'fail' }] });
  });

  it.each(['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'EIO'])('fails a port with %s and advises', (code) => {
    expect(judgePort('127.0.0.1', 80, code)).toMatchObject({
      status: 'fail',
      advice: expect.any(String) as string,
    });
  });

  it.each([
    [0.5, 'fail'],
    [3, 'warn'],
    [20, 'ok'],
  ])('judges %d GiB of free disk as %s', (gib, expected) => {
    expect(judgeDisk('disk', '/', gib * 2 ** 30).status).toBe(expected);
  });

  it.each([
    ['v20.18.9', 'fail'],
    ['v20.19.0', 'ok'],
    ['v22.0.0', 'ok'],
  ])('judges Node.js %s as %s', (version, expected) => {
    expect(checkNode(version).status).toBe(expected);
  });

  it('warns of a bridge that has no hardware address of its own', () => {
    expect(judgeBridge('docker0', '3')).toBeUndefined();
    expect(judgeBridge('docker0', '1')?.advice).toContain('ip link set docker0 address 02:42:');
  });

  it('prints colours only when told so', () => {
    const findings = [ok('a', 'fine'), warn('bb', 'hm', 'do x'), fail('c', 'no', 'do y')];
    const text = formatFindings(findings, false);
    expect(text).not.toContain('\u001b');
    expect(text).toContain('warn  bb  hm\n          → do x\n');
    expect(text).toContain('1 failed, 1 to look at.');
    expect(formatFindings(findings, true)).toContain('\u001b[31mfail');
  });
});
