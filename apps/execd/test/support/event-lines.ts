/** One event of a stream, as a client reads it. */
export interface StreamEvent {
  readonly type: string;
  readonly text?: string;
  readonly timestamp: number;
  readonly partial?: boolean;
  readonly execution_time?: number;
  readonly error?: { readonly ename: string; readonly evalue: string; readonly traceback: readonly string[] };
}

export interface Streamed {
  readonly id: string;
  /** Without pings. */
  readonly events: readonly StreamEvent[];
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly last: StreamEvent;
  /** The whole body as it came. */
  readonly raw: string;
}

export function post(url: string, path: string, body: unknown): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(url + path, { method: 'POST', body: text });
}

/** Runs a command to the end of its stream. */
export async function runCommand(
  url: string,
  command: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<Streamed> {
  const response = await post(url, '/command', { command, ...more });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return readEvents(await response.text());
}

export function readEvents(raw: string): Streamed {
  const events = raw
    .split('\n\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as StreamEvent)
    .filter((event) => event.type !== 'ping');
  const textsOf = (type: string): string[] => {
    return events.filter((event) => event.type === type).map((event) => event.text ?? '');
  };
  const last = events.at(-1);
  if (last === undefined) throw new Error('the stream was empty');
  return {
    id: events[0]?.text ?? '',
    events,
    stdout: textsOf('stdout'),
    stderr: textsOf('stderr'),
    last,
    raw,
  };
}

/** The events of a response one after another, as they arrive. */
export async function* eventsOf(response: Response): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true });
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      yield JSON.parse(text.slice(0, end)) as StreamEvent;
      text = text.slice(end + 2);
    }
  }
}

/** Waits until `check` gives something; fails after `limitMs`. */
export async function eventually<T>(check: () => Promise<T | undefined>, limitMs = 30_000): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const found = await check();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`it did not come true within ${limitMs} ms`);
    await new Promise((resume) => setTimeout(resume, 10));
  }
}
