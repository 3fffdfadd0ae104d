import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { connectionFault, refusalFault } from './faults.ts';

describe('refusalFault', () => {
  it.each([
    [400, 'invalid', 'kubernetes.invalid'],
    [401, 'unauthenticated', 'kubernetes.unauthenticated'],
    [403, 'forbidden', 'kubernetes.forbidden'],
    [404, 'not_found', 'kubernetes.not_found'],
    [409, 'conflict', 'kubernetes.conflict'],
    [410, 'conflict', 'kubernetes.expired'],
    [422, 'invalid', 'kubernetes.invalid'],
    [429, 'unavailable', 'kubernetes.unavailable'],
    [500, 'internal', 'kubernetes.failed'],
    [502, 'unavailable', 'kubernetes.unavailable'],
    [503, 'unavailable', 'kubernetes.unavailable'],
    [504, 'timeout', 'kubernetes.timeout'],
  ])('makes of %i a fault of kind %s', (status, kind, code) => {
    const fault = refusalFault({ status, body: { message: 'why' }, what: 'list pods' });
    expect(fault).toMatchObject({ kind, code, details: { status } });
    expect(fault.message).toBe(`The API server answers ${status} to "list pods": why`);
  });

  it('takes neither a page of text nor an answer without words', () => {
    expect(refusalFault({ status: 404, body: undefined, what: 'x' }).message).toBe(
      'The API server answers 404 to "x"',
    );
    const long = refusalFault({ status: 404, body: { message: 'y'.repeat(9000) }, what: 'x' });
    expect(long.message.length).toBeLessThan(600);
  });
});

describe('connectionFault', () => {
  it('says what failed, by its code', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1'), { code: 'ECONNREFUSED' });
    expect(connectionFault(error, 'list pods')).toMatchObject({
      kind: 'unavailable',
      message: 'No answer to "list pods": ECONNREFUSED.',
      cause: error,
    });
  });

  it('leaves a fault as it is', () => {
    const fault = new Fault('invalid', 'kubernetes.config', 'no');
    expect(connectionFault(fault, 'x')).toBe(fault);
  });
});
