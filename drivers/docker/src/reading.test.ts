import { sandboxId } from '@opensandbox/core/ports';
import { captureLog, FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { ContainerInspect } from './engine/answers.ts';
import { LABEL } from './names.ts';
import { createReading } from './reading.ts';

const { signal } = new AbortController();

function container(expiresAt: string): ContainerInspect {
  return {
    Id: 'c1',
    Created: '2026-01-01T00:00:00Z',
    State: { Status: 'running', Running: true },
    Config: { Labels: { [LABEL.id]: 'a', [LABEL.expiresAt]: expiresAt } },
  };
}

describe('reading a sandbox', () => {
  it('warns of a deadline that cannot be read once, not with every reading', async () => {
    const log = captureLog();
    const reading = createReading({
      engine: { inspectContainer: async () => container('some day'), listContainers: async () => [] },
      instance: undefined,
      dialHost: '127.0.0.1',
      metadataDir: undefined,
      clock: new FakeClock(),
      log,
    });
    for (let round = 0; round < 3; round += 1) {
      expect(await reading.readById('c1', signal)).toMatchObject({ claim: { expiresAt: undefined } });
      await reading.readSandbox(sandboxId('a'), signal);
    }
    expect(log.count('sandbox.deadline_unreadable')).toBe(1);
  });
});
