/** One message of the Jupyter protocol, as much of it as matters here. */
export interface KernelMessage {
  readonly type: string;
  /** The message this one belongs to; empty when it belongs to none. */
  readonly parent: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Reads a text frame; undefined when it is none of the protocol's messages. */
export function parseKernelMessage(frame: string): KernelMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    return undefined;
  }
  const message = asObject(value);
  const type = asObject(message['header'])['msg_type'] ?? message['msg_type'];
  if (typeof type !== 'string') return undefined;
  const parent = asObject(message['parent_header'])['msg_id'];
  return { type, parent: typeof parent === 'string' ? parent : '', content: asObject(message['content']) };
}

export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

export interface ShellMessage {
  readonly id: string;
  readonly session: string;
  readonly type: 'execute_request' | 'kernel_info_request';
  readonly content: Readonly<Record<string, unknown>>;
}

export function formatShellMessage(message: ShellMessage, now: number): string {
  return JSON.stringify({
    header: {
      msg_id: message.id,
      username: 'opensandbox',
      session: message.session,
      date: new Date(now).toISOString(),
      msg_type: message.type,
      version: '5.3',
    },
    parent_header: {},
    metadata: {},
    content: message.content,
    channel: 'shell',
    buffers: [],
  });
}

/** `silent` code leaves no trace in the kernel's history and counts. */
export function executeContent(code: string, silent: boolean): Readonly<Record<string, unknown>> {
  return {
    code,
    silent,
    store_history: !silent,
    user_expressions: {},
    allow_stdin: false,
    stop_on_error: true,
  };
}
