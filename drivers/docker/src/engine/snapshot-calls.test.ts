import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { snapshotCalls } from './snapshot-calls.ts';
import type { EngineRequest, Transport } from './transport.ts';

const { signal } = new AbortController();
const COMMIT = {
  container: 'c1',
  repository: 'r',
  tag: 't',
  config: { Env: [], Labels: {}, Entrypoint: [], Cmd: [] },
  changes: '',
};

function callsWith(answer: Readable) {
  const opened: EngineRequest[] = [];
  const refuse = (): Promise<never> => Promise.reject(new Error('it takes the turn of another change'));
  const transport: Transport = {
    call: refuse,
    async open(request) {
      opened.push(request);
      return answer as unknown as IncomingMessage;
    },
    [Symbol.dispose]: () => undefined,
  };
  return { opened, calls: snapshotCalls({ transport, read: refuse, write: refuse }) };
}

it('a commit takes no turn of other changes, and reads its answer to the end', async () => {
  const answer = Readable.from([Buffer.from('{"Id":"sha256:1"}')]);
  const { opened, calls } = callsWith(answer);
  await calls.commit(COMMIT, signal);
  expect(opened).toMatchObject([{ method: 'POST', path: '/commit', query: { container: 'c1', pause: '1' } }]);
  expect(answer.readableEnded).toBe(true);
});

it('a commit whose answer breaks off is a link that broke', async () => {
  const answer = new Readable({
    read() {
      this.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    },
  });
  await expect(callsWith(answer).calls.commit(COMMIT, signal)).rejects.toMatchObject({
    kind: 'unavailable',
    code: 'engine.unavailable',
  });
});
