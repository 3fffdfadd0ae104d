import { describe, expect, it } from 'vitest';
import { commandError, runtimeError } from '../../events/agent-event.ts';
import { isolatedEvent } from './run-stream.ts';

describe('isolatedEvent', () => {
  it.each([
    [commandError('7', 'exit status 7'), 'ExitError', '7', 'command exited with code 7'],
    [commandError('-1', 'signal: killed'), 'RuntimeError', 'signal: killed', 'signal: killed'],
    [runtimeError('timeout after 1s'), 'RuntimeError', 'timeout after 1s', 'timeout after 1s'],
  ])('names %j as clients of isolated sessions know it', (event, ename, evalue, text) => {
    expect(isolatedEvent(event)).toEqual({ type: 'error', text, error: { ename, evalue, traceback: [] } });
  });

  it('leaves all else as it is', () => {
    const event = { type: 'stdout', text: 'x' } as const;
    expect(isolatedEvent(event)).toBe(event);
  });
});
