import { captureLog } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { createComplaints } from './complaints.ts';

const EVENT = 'sandbox.deadline_unreadable';

describe('a complaint', () => {
  it('is logged when it is new, when it changes and when it comes back', () => {
    const log = captureLog();
    const complaints = createComplaints(log);
    const warn = (text: string): void =>
      complaints.warn({ event: EVENT, sandboxId: 'a', text }, { label: text });
    for (const text of ['x', 'x', 'x', 'y', 'y']) warn(text);
    expect(log.lines.map((line) => line.fields)).toEqual([
      { sandboxId: 'a', label: 'x' },
      { sandboxId: 'a', label: 'y' },
    ]);
    complaints.settle({ event: EVENT, sandboxId: 'a' });
    warn('y');
    expect(log.count(EVENT)).toBe(3);
  });

  it('about one sandbox does not silence that about another', () => {
    const log = captureLog();
    const complaints = createComplaints(log);
    for (const sandboxId of ['a', 'b', 'a', 'b']) complaints.warn({ event: EVENT, sandboxId, text: 'x' });
    expect(log.count(EVENT)).toBe(2);
  });

  it('is not remembered for ever', () => {
    const log = captureLog();
    const complaints = createComplaints(log);
    for (let each = 0; each <= 1_000; each += 1) {
      complaints.warn({ event: EVENT, sandboxId: String(each), text: 'x' });
    }
    complaints.warn({ event: EVENT, sandboxId: '1000', text: 'x' });
    expect(log.count(EVENT)).toBe(1_001);
    complaints.warn({ event: EVENT, sandboxId: '0', text: 'x' });
    expect(log.count(EVENT)).toBe(1_002);
  });
});
