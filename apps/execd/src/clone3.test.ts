import { describe, expect, it } from 'vitest';
import { applyClone3Compat, clone3Filter, parseClone3Compat } from './clone3.ts';

/** Runs the filter as the kernel does, on the number of a call. */
function judge(call: number): number {
  const filter = Buffer.from(clone3Filter());
  let accumulator = 0;
  for (let at = 0; at < filter.length; at += 8) {
    const operand = filter.readUInt32LE(at + 4);
    const code = filter.readUInt16LE(at);
    if (code === 0x06) return operand;
    if (code === 0x20) accumulator = call;
    if (code === 0x54) accumulator = (accumulator & operand) >>> 0;
    if (code === 0x15) at += 8 * filter.readUInt8(accumulator === operand ? at + 2 : at + 3);
  }
  throw new Error('the filter does not end');
}

function apply(environment: Record<string, string>, restart: (env: object) => void = () => undefined) {
  const done: unknown[] = [];
  const said = applyClone3Compat({
    environment,
    refuse: () => done.push('refused'),
    restart: (env) => {
      done.push(env);
      restart(env);
    },
  });
  return { said, done };
}

describe('parseClone3Compat', () => {
  it.each([
    [{}, 'off'],
    [{ EXECD_CLONE3_COMPAT: '' }, 'off'],
    [{ EXECD_CLONE3_COMPAT: ' No ' }, 'off'],
    [{ EXECD_CLONE3_COMPAT: 'FALSE' }, 'off'],
    [{ EXECD_CLONE3_COMPAT: '1' }, 'install'],
    [{ EXECD_CLONE3_COMPAT: ' Yes' }, 'install'],
    [{ EXECD_CLONE3_COMPAT: 'ReExec' }, 'reexec'],
    [{ EXECD_CLONE3_COMPAT: 'reexec', _EXECD_CLONE3_COMPAT_APPLIED: '1' }, 'off'],
    [{ EXECD_CLONE3_COMPAT: '2' }, undefined],
    [{ EXECD_CLONE3_COMPAT: 'constructor' }, undefined],
  ])('reads %j as %s', (environment, expected) => {
    expect(parseClone3Compat(environment)).toBe(expected);
  });
});

describe('clone3Filter', () => {
  it.each([
    ['clone3', 435, 0x00050026],
    ['clone3 of an x32 program', 0x40000000 + 435, 0x00050026],
    ['clone', 56, 0x7fff0000],
    ['openat2', 437, 0x7fff0000],
    ['the first call', 0, 0x7fff0000],
  ])('judges %s', (_name, call, verdict) => {
    expect(judge(call)).toBe(verdict);
  });
});

describe('applyClone3Compat', () => {
  it('does nothing when nothing is asked for', () => {
    expect(apply({})).toEqual({ said: undefined, done: [] });
  });

  it('installs the filter', () => {
    expect(apply({ EXECD_CLONE3_COMPAT: 'on' })).toEqual({ said: undefined, done: ['refused'] });
  });

  it('starts the agent anew once, with the filter', () => {
    const environment = { EXECD_CLONE3_COMPAT: 'reexec' };
    const { done } = apply(environment);
    expect(done).toEqual(['refused', { ...environment, _EXECD_CLONE3_COMPAT_APPLIED: '1' }]);
    expect(apply({ ...environment, _EXECD_CLONE3_COMPAT_APPLIED: '1' }).done).toEqual([]);
  });

  it('says what it cannot understand and what failed', () => {
    expect(apply({ EXECD_CLONE3_COMPAT: 'maybe' }).said).toContain('"maybe"');
    const said = apply({ EXECD_CLONE3_COMPAT: 'reexec' }, () => {
      throw new Error('ENOMEM');
    }).said;
    expect(said).toBe('EXECD_CLONE3_COMPAT: ENOMEM');
  });
});
