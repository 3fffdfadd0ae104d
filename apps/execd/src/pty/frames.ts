export type OutputName = 'stdout' | 'stderr';

/** What a client can say; what it says beyond that has no effect. */
export type ClientFrame =
  | { readonly kind: 'stdin'; readonly bytes: Uint8Array }
  | { readonly kind: 'resize'; readonly cols: number; readonly rows: number }
  | { readonly kind: 'signal'; readonly name: TerminalSignal }
  | { readonly kind: 'ping' }
  | { readonly kind: 'unknown'; readonly type: string }
  | { readonly kind: 'ignored' };

export type TerminalSignal = (typeof SIGNALS)[number];

export type ErrorFrameCode = 'ALREADY_CONNECTED' | 'START_FAILED' | 'STDIN_WRITE_FAILED' | 'INVALID_FRAME';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGKILL', 'SIGQUIT', 'SIGHUP'] as const;
const STDIN_TAG = 0;
const OUTPUT_TAGS: Readonly<Record<OutputName, number>> = { stdout: 1, stderr: 2 };
const REPLAY_TAG = 3;
const LONGEST_DATA_BYTES = 32 * 1024;
const LARGEST_SIDE = 65_535;

const IGNORED: ClientFrame = { kind: 'ignored' };

export function parseClientFrame(message: string | Uint8Array): ClientFrame {
  if (typeof message === 'string') return parseText(message);
  return message[0] === STDIN_TAG ? { kind: 'stdin', bytes: message.subarray(1) } : IGNORED;
}

function parseText(message: string): ClientFrame {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return IGNORED; // what is no JSON is not answered
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return IGNORED;
  const fields = value as Readonly<Record<string, unknown>>;
  switch (fields['type']) {
    case 'stdin': {
      const { data = '' } = fields;
      return typeof data === 'string' ? { kind: 'stdin', bytes: Buffer.from(data) } : IGNORED;
    }
    case 'resize': {
      const { cols, rows } = fields;
      return isSide(cols) && isSide(rows) ? { kind: 'resize', cols, rows } : IGNORED;
    }
    case 'signal': {
      const name = SIGNALS.find((known) => known === fields['signal']);
      return name === undefined ? IGNORED : { kind: 'signal', name };
    }
    case 'ping':
      return { kind: 'ping' };
    default: {
      const { type = '' } = fields;
      return typeof type === 'string' ? { kind: 'unknown', type } : IGNORED;
    }
  }
}

function isSide(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= LARGEST_SIDE;
}

/** Output as it is sent, in pieces that any client can take. */
export function outputFrames(name: OutputName, bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += LONGEST_DATA_BYTES) {
    const data = bytes.subarray(at, at + LONGEST_DATA_BYTES);
    const frame = new Uint8Array(1 + data.length);
    frame[0] = OUTPUT_TAGS[name];
    frame.set(data, 1);
    frames.push(frame);
  }
  return frames;
}

/** Earlier output, with the offset of its first byte. */
export function replayFrame(offset: number, bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(9 + bytes.length);
  frame[0] = REPLAY_TAG;
  new DataView(frame.buffer).setBigInt64(1, BigInt(offset));
  frame.set(bytes, 9);
  return frame;
}

export function connectedFrame(sessionId: string, mode: 'pty' | 'pipe'): string {
  return JSON.stringify({ type: 'connected', session_id: sessionId, mode });
}

export function exitFrame(exitCode: number): string {
  return JSON.stringify({ type: 'exit', exit_code: exitCode });
}

export function pongFrame(): string {
  return JSON.stringify({ type: 'pong' });
}

export function errorFrame(code: ErrorFrameCode, error: string): string {
  return JSON.stringify({ type: 'error', error, code });
}
