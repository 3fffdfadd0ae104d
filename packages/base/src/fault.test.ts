import { describe, expect, it } from 'vitest';
import { Fault, isFault, toFault } from './fault.ts';

describe('toFault', () => {
  it('leaves a Fault as it is', () => {
    const fault = new Fault('conflict', 'a.b', 'no');
    expect(toFault(fault)).toBe(fault);
  });

  it('turns an abort into cancelled', () => {
    expect(toFault(AbortSignal.abort().reason)).toMatchObject({
      kind: 'cancelled',
      code: 'operation.cancelled',
    });
  });

  it('hides anything else behind internal, and keeps it as the cause', () => {
    const error = new Error('password=hunter2');
    const fault = toFault(error, 'store.failed');
    expect(fault).toMatchObject({ kind: 'internal', code: 'store.failed', cause: error });
    expect(fault.message).not.toContain('hunter2');
    expect(toFault('text')).toMatchObject({ kind: 'internal', code: 'internal.unexpected', cause: 'text' });
  });
});

describe('isFault', () => {
  it('looks at the kind when asked to', () => {
    const fault = new Fault('timeout', 'a.b', 'late');
    expect([isFault(fault), isFault(fault, 'timeout'), isFault(fault, 'invalid')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(isFault(new Error('x'))).toBe(false);
  });

  it('carries what a caller may be told, and no cause unless there was one', () => {
    const fault = new Fault('exhausted', 'a.b', 'full', { details: { limit: 3 }, retryAfterMs: 50 });
    expect(fault).toMatchObject({ details: { limit: 3 }, retryAfterMs: 50 });
    expect('cause' in fault).toBe(false);
  });
});
