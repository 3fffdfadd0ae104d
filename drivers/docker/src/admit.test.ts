import type { Fault } from '@opensandbox/base';
import { sampleSpec } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { admit } from './admit.ts';
import { readEngineFailure } from './faults.ts';

const { signal } = new AbortController();

function withNetwork(networkMode: string, answer: Fault | undefined) {
  const asked: string[] = [];
  const networkExists = async (name: string): Promise<void> => {
    asked.push(name);
    if (answer !== undefined) throw answer;
  };
  const volumes = { admit: () => Promise.resolve() };
  const facts = { get: () => Promise.resolve(undefined) };
  const windows = {
    hasAgentImage: false,
    arch: undefined,
    secureRuntime: undefined,
    missingDevices: () => Promise.resolve([]),
  };
  return {
    asked,
    context: {
      networkMode,
      engine: { networkExists, inspectImage: () => Promise.reject(new Error('not asked')) },
      volumes,
      facts,
      windows,
    },
  };
}

describe('admit', () => {
  it.each([
    [['tail -f /dev/null'], ['tail', '-f', '/dev/null']],
    [['nospace'], ['nospace']],
    [
      ['sh', '-c', 'a b'],
      ['sh', '-c', 'a b'],
    ],
  ])('makes %j the command %j', async (entrypoint, command) => {
    const { context } = withNetwork('bridge', undefined);
    const spec = await admit({ ...sampleSpec(), entrypoint }, context, signal);
    expect(spec.entrypoint).toEqual(command);
  });

  it.each([[[]], [['echo "oops']], [[' ']]])('refuses the entrypoint %j', async (entrypoint) => {
    const { context } = withNetwork('bridge', undefined);
    await expect(admit({ ...sampleSpec(), entrypoint }, context, signal)).rejects.toMatchObject({
      kind: 'invalid',
      code: 'entrypoint.invalid',
    });
  });

  it.each(['host', 'bridge'])('asks the engine nothing in %s mode', async (mode) => {
    const { asked, context } = withNetwork(mode, undefined);
    await admit(sampleSpec(), context, signal);
    expect(asked).toEqual([]);
  });

  it('wants a named network to exist, in the case it was written', async () => {
    const { asked, context } = withNetwork('Lab-Up', undefined);
    await admit(sampleSpec(), context, signal);
    expect(asked).toEqual(['Lab-Up']);
  });

  it('says how to make a network that is missing', async () => {
    const { context } = withNetwork('lab', readEngineFailure(404, { message: 'network lab not found' }));
    await expect(admit(sampleSpec(), context, signal)).rejects.toMatchObject({
      kind: 'invalid',
      code: 'parameter.invalid',
      message: expect.stringContaining('docker network create <name>') as unknown,
    });
  });

  it('tells an engine failure from a missing network', async () => {
    const { context } = withNetwork('lab', readEngineFailure(500, { message: 'broken' }));
    await expect(admit(sampleSpec(), context, signal)).rejects.toMatchObject({
      code: 'sandbox.start_failed',
    });
  });

  it('keeps the words of a Windows guest, where there is an agent for it', async () => {
    const { context } = withNetwork('bridge', undefined);
    const windows = sampleSpec({ platform: { os: 'windows', arch: 'amd64' } });
    await expect(admit(windows, context, signal)).rejects.toMatchObject({ code: 'parameter.invalid' });
    const able = { ...context, windows: { ...context.windows, hasAgentImage: true } };
    const words = { ...windows, entrypoint: ['keep this line'] };
    expect((await admit(words, able, signal)).entrypoint).toEqual(['keep this line']);
  });
});
