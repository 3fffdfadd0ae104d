import { Secret } from '@opensandbox/base';
import { captureLog } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { confirmInsecureStart } from './insecure-guard.ts';

describe('confirmInsecureStart', () => {
  it('asks nothing when there is a key', async () => {
    const log = captureLog();
    const ask = (): never => {
      throw new Error('asked');
    };
    await confirmInsecureStart({ apiKey: new Secret('k'), acknowledgement: undefined, ask, log });
    expect(log.lines).toEqual([]);
  });

  it('names the variable that acknowledged it, not its value', async () => {
    const log = captureLog();
    await confirmInsecureStart({ apiKey: undefined, acknowledgement: 'YES', ask: undefined, log });
    expect(JSON.stringify(log.lines)).toContain('OPENSANDBOX_INSECURE_SERVER');
    expect(JSON.stringify(log.lines)).not.toContain('YES');
  });

  it.each(['yes', 'true', '1', ' YES', undefined])(
    'blocks a start that nobody confirmed when the variable is %j',
    async (acknowledgement) => {
      const log = captureLog();
      await expect(
        confirmInsecureStart({ apiKey: undefined, acknowledgement, ask: undefined, log }),
      ).rejects.toThrow(
        /^Startup blocked: server\.api_key is empty in non-interactive mode\. Set OPENSANDBOX_INSECURE_SERVER=YES to acknowledge the risk\. /,
      );
    },
  );

  it('starts when the person answers YES', async () => {
    const log = captureLog();
    const questions: string[] = [];
    const ask = async (question: string) => {
      questions.push(question);
      return 'YES';
    };
    await confirmInsecureStart({ apiKey: undefined, acknowledgement: 'no', ask, log });
    expect(questions[0]).toMatch(/^SECURITY WARNING: server\.api_key is empty; /);
    expect(log.lines[0]?.level).toBe('warn');
  });

  it.each([
    ['yes', 'Startup aborted: missing explicit confirmation for empty server.api_key. '],
    ['', 'Startup aborted: missing explicit confirmation for empty server.api_key. '],
    [undefined, 'Startup aborted: confirmation timed out waiting for YES. '],
  ])('aborts when the answer is %j', async (answer, text) => {
    const log = captureLog();
    await expect(
      confirmInsecureStart({ apiKey: undefined, acknowledgement: undefined, ask: async () => answer, log }),
    ).rejects.toThrow(text);
  });
});
