import { EventEmitter } from 'node:events';
import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { listenForStop } from './stop-signals.ts';

function open() {
  const source = new EventEmitter();
  const exits: number[] = [];
  const stop = listenForStop(
    source,
    (code) => exits.push(code),
    () => new Fault('cancelled', 'operation.cancelled', 'stopped'),
  );
  return { source, exits, stop };
}

describe('listenForStop', () => {
  it.each([
    ['SIGINT', 0],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])('ends with its code when %s comes', async (name, code) => {
    const { source, exits, stop } = open();
    expect(stop.exitCode()).toBeUndefined();
    source.emit(name, name);
    expect(await stop.stopped).toBe(code);
    expect([stop.signal.aborted, exits]).toEqual([true, []]);
  });

  it('ends the process at once when a second signal comes', () => {
    const { source, exits } = open();
    source.emit('SIGTERM', 'SIGTERM');
    source.emit('SIGINT', 'SIGINT');
    expect(exits).toEqual([130]);
  });

  it('leaves no listener behind', () => {
    const { source, stop } = open();
    stop[Symbol.dispose]();
    expect(source.eventNames()).toEqual([]);
  });
});
