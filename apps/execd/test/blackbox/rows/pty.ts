import { expect } from 'vitest';
import { eventually } from '../../support/event-lines.ts';
import { connectPty, createPty } from '../../support/pty-client.ts';
import type { PtyClient } from '../../support/pty-client.ts';
import { call, expectError, expectVoid, jsonOf } from '../row.ts';
import type { Row } from '../row.ts';
import type { Site } from '../site.ts';

interface State {
  readonly session_id: string;
  readonly running: boolean;
  readonly output_offset: number;
}

async function stateOf(site: Site, id: string): Promise<State> {
  return jsonOf<State>(await call(site, 'GET', `/pty/${id}`));
}

async function open(site: Site, query = '', body: object = {}): Promise<[string, PtyClient]> {
  const id = await createPty(site.url, body);
  const client = await connectPty(site.url, id, query);
  await client.message('connected');
  return [id, client];
}

/** The sum is not in what was typed: it is seen only once the shell wrote it. */
const sum = (word: string): string => `echo ${word}$((1000+1))\n`;

async function waitOffset(site: Site, id: string, atLeast: number): Promise<number> {
  let before = -1;
  return eventually(async () => {
    const { output_offset: now } = await stateOf(site, id);
    const isQuiet = now === before && now >= atLeast;
    before = now;
    return isQuiet ? now : undefined;
  }, 20_000);
}

const MIB = 1024 * 1024;

/** Shells at a terminal or at pipes, over a WebSocket. */
export const PTY: readonly Row[] = [
  {
    key: 'T78',
    name: 'a shell session is made from any body, and starts nothing yet',
    async run(site) {
      for (const body of [undefined, '{}', 'null']) {
        const made = await call(site, 'POST', '/pty', body);
        expect(made.status).toBe(201);
        const { session_id: id } = await jsonOf<State>(made);
        expect(await stateOf(site, id)).toEqual({ session_id: id, running: false, output_offset: 0 });
      }
      await expectError(
        await call(site, 'POST', '/pty', '['),
        400,
        'INVALID_REQUEST_BODY',
        /^error parsing request: /,
      );
    },
  },
  {
    key: 'T79',
    name: 'what is typed reaches the shell, its output comes back',
    async run(site) {
      const [id, client] = await open(site);
      expect(client.messages[0]).toEqual({ type: 'connected', session_id: id, mode: 'pty' });
      client.type(sum('typed-'));
      await client.see('typed-1001');
      client.tell({ type: 'stdin', data: sum('told-') });
      await client.see('told-1001');
      expect((await stateOf(site, id)).running).toBe(true);
      client.close();
    },
  },
  {
    key: 'T80',
    name: 'the terminal has the size it is told',
    async run(site) {
      const [, client] = await open(site);
      client.type('stty size\n');
      await client.see('24 80');
      client.tell({ type: 'resize', cols: 120, rows: 40 });
      client.type('stty size\n');
      await client.see('40 120');
      client.close();
    },
  },
  {
    key: 'T81',
    name: 'at pipes the two streams are told apart',
    async run(site) {
      const [id, client] = await open(site, '?pty=0');
      expect(client.messages[0]).toEqual({ type: 'connected', session_id: id, mode: 'pipe' });
      client.type('echo o; echo e >&2\n');
      await client.see('o\n');
      await client.see('e\n');
      expect([client.text('stdout'), client.text('stderr')]).toEqual(['o\n', 'e\n']);
      client.close();
    },
  },
  {
    key: 'T82',
    name: 'frames that mean nothing are told or ignored',
    async run(site) {
      const [, client] = await open(site);
      client.tell('no JSON');
      client.socket.send(Buffer.from([7, 65, 66]));
      client.socket.send(Buffer.alloc(0));
      client.tell({ type: 'odd' });
      const message = await client.message('error');
      expect(message).toEqual({ type: 'error', code: 'INVALID_FRAME', error: 'unknown frame type "odd"' });
      client.tell({ type: 'ping' });
      await client.message('pong');
      client.type(sum('alive-'));
      await client.see('alive-1001');
      client.close();
    },
  },
  {
    key: 'T83',
    name: 'the end of the shell comes after all of its output',
    async run(site) {
      const [, client] = await open(site, '?pty=0');
      client.type('i=0; while [ $i -lt 2000 ]; do echo line-$i; i=$((i+1)); done; exit 42\n');
      expect(await client.closed()).toEqual({ code: 1000, reason: 'process exited' });
      expect(client.messages.at(-1)).toEqual({ type: 'exit', exit_code: 42 });
      expect(client.text().trimEnd().split('\n').at(-1)).toBe('line-1999');
      expect(client.order.at(-1)).toBe('exit');
    },
  },
  {
    key: 'T84',
    name: 'a client that comes back is told what it missed',
    async run(site) {
      const [id, client] = await open(site, '?pty=0');
      client.type('echo first\n');
      await client.see('first\n');
      client.close();
      await client.closed();
      const total = await waitOffset(site, id, 6);
      const seenBy = async (since: number): Promise<PtyClient> => {
        const again = await eventually(() =>
          connectPty(site.url, id, `?pty=0&since=${since}`).catch(() => undefined),
        );
        await again.message('connected');
        again.close();
        await again.closed();
        return again;
      };
      const all = await seenBy(0);
      expect(all.replays).toEqual([{ offset: 0, bytes: Buffer.from('first\n') }]);
      expect(all.order.slice(0, 2)).toEqual(['replay', 'connected']);
      expect((await seenBy(2)).replays).toEqual([{ offset: 2, bytes: Buffer.from('rst\n') }]);
      for (const since of [total, 1e9]) expect((await seenBy(since)).replays).toEqual([]);
    },
  },
  {
    key: 'T85',
    name: 'of much output the last mebibyte is kept',
    async run(site) {
      const [id, client] = await open(site, '?pty=0');
      client.type(`head -c ${MIB + 500_000} /dev/zero | tr '\\0' x; echo done\n`);
      await client.see('done');
      client.close();
      await client.closed();
      const total = await waitOffset(site, id, MIB + 500_000);
      const again = await eventually(() => connectPty(site.url, id, '?pty=0').catch(() => undefined));
      await again.message('connected');
      expect(again.replays.map(({ offset, bytes }) => [offset, bytes.length])).toEqual([[total - MIB, MIB]]);
      again.close();
    },
  },
  {
    key: 'T86',
    name: 'one client at a time, until another takes over',
    async run(site) {
      const [id, first] = await open(site);
      first.type(`KEPT=kept; ${sum('set-')}`);
      await first.see('set-1001');
      await expect(connectPty(site.url, id)).rejects.toThrow('refused with 409');
      const plain = await call(site, 'GET', `/pty/${id}/ws?takeover=1`);
      await expectError(plain, 409, 'ALREADY_CONNECTED');
      first.type(sum('alive-'));
      await first.see('alive-1001');
      const second = await connectPty(site.url, id, '?takeover=1&since=1000000000');
      expect(await first.closed()).toEqual({ code: 4001, reason: 'TAKEN_OVER' });
      await second.message('connected');
      second.type('echo "<$KEPT>"\n');
      await second.see('<kept>');
      second.close();
    },
  },
  {
    key: 'T87',
    name: 'a signal reaches what runs in the foreground, and not the shell',
    async run(site) {
      const [, client] = await open(site);
      client.type("sh -c 'echo go-$((1000+1)); exec sleep 30'\n");
      await client.see('go-1001');
      const started = Date.now();
      client.tell({ type: 'signal', signal: 'SIGINT' });
      client.type(sum('back-'));
      await client.see('back-1001');
      expect(Date.now() - started).toBeLessThan(10_000);
      client.close();
    },
  },
  {
    key: 'T88',
    name: 'deleting a session ends its shell and its client',
    async run(site) {
      const [id, client] = await open(site);
      await expectVoid(await call(site, 'DELETE', `/pty/${id}`));
      await client.closed();
      for (const method of ['GET', 'DELETE']) {
        await expectError(await call(site, method, `/pty/${id}`), 404, 'CONTEXT_NOT_FOUND');
      }
      await expect(connectPty(site.url, id)).rejects.toThrow('refused with 404');
    },
  },
  {
    key: 'T89',
    name: 'many who take over at once leave one client and a living shell',
    async run(site) {
      const [id] = await open(site);
      const others = await Promise.allSettled(
        Array.from({ length: 6 }, () => connectPty(site.url, id, '?takeover=1')),
      );
      const clients = others.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      expect(clients.length).toBeGreaterThanOrEqual(1);
      const last = await connectPty(site.url, id, '?takeover=1&since=1000000000');
      await last.message('connected');
      last.type(sum('alive-'));
      await last.see('alive-1001');
      for (const client of clients) await client.closed();
      last.close();
    },
  },
];
