import { post, readEvents } from './event-lines.ts';
import type { Streamed } from './event-lines.ts';

export interface SessionClient {
  readonly id: string;
  /** Runs code to the end of its stream. */
  run(command: string, more?: Readonly<Record<string, unknown>>): Promise<Streamed>;
  /** Starts a run and hands out its response at once. */
  start(
    command: string,
    more?: Readonly<Record<string, unknown>>,
    signal?: AbortSignal | null,
  ): Promise<Response>;
  delete(): Promise<Response>;
}

/** Makes a session, in `cwd` when one is given. */
export async function openSession(url: string, cwd?: string): Promise<SessionClient> {
  const created = await post(url, '/session', cwd === undefined ? {} : { cwd });
  if (created.status !== 200) throw new Error(`${created.status} ${await created.text()}`);
  const { session_id: id } = (await created.json()) as { readonly session_id: string };
  const start: SessionClient['start'] = (command, more = {}, signal = null) => {
    const body = JSON.stringify({ command, ...more });
    return fetch(`${url}/session/${id}/run`, { method: 'POST', body, signal });
  };
  return {
    id,
    start,
    async run(command, more = {}) {
      const response = await start(command, more);
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
      return readEvents(await response.text());
    },
    delete: () => fetch(`${url}/session/${id}`, { method: 'DELETE' }),
  };
}
