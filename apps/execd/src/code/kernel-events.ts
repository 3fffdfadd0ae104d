import type { AgentEvent, ErrorEvent } from '../events/agent-event.ts';
import { asObject } from './kernel-message.ts';
import type { KernelMessage } from './kernel-message.ts';

/** What a client is told about one message of a kernel. */
export function eventsOfMessage(message: KernelMessage): readonly AgentEvent[] {
  const { content } = message;
  switch (message.type) {
    case 'stream': {
      const text = textOf(content['text']);
      if (text === '') return [];
      return [{ type: content['name'] === 'stderr' ? 'stderr' : 'stdout', text }];
    }
    case 'execute_result':
      return [...countOf(content), ...resultOf(content)];
    case 'display_data':
      return resultOf(content);
    case 'error':
      return [errorOf(content)];
    default:
      return [];
  }
}

/** The error in the content of an `error` or of a reply that tells of one. */
export function errorOf(content: Readonly<Record<string, unknown>>): ErrorEvent {
  const lines = Array.isArray(content['traceback']) ? content['traceback'].map(textOf) : [];
  let room = LONGEST_TRACEBACK;
  const fits = (line: string): boolean => (room -= line.length) >= 0;
  return {
    type: 'error',
    error: {
      ename: clipped(textOf(content['ename'])),
      evalue: clipped(textOf(content['evalue'])),
      traceback: lines.map(clipped).filter(fits),
    },
  };
}

/** A failure of the kernel itself, which no error of the code is. */
export function kernelError(reason: string): ErrorEvent {
  const error = { ename: 'KernelDied', evalue: reason, traceback: [reason] };
  return { type: 'error', error, code: 'RUNTIME_ERROR', message: reason };
}

/** Together they keep an error well below what the shortest line buffer of a client holds. */
const LONGEST_ERROR_TEXT = 20_000;
const LONGEST_TRACEBACK = 400_000;

function clipped(text: string): string {
  return text.length <= LONGEST_ERROR_TEXT ? text : `${text.slice(0, LONGEST_ERROR_TEXT)}…`;
}

function countOf(content: Readonly<Record<string, unknown>>): AgentEvent[] {
  const count = content['execution_count'];
  return typeof count === 'number' && count > 0 ? [{ type: 'execution_count', execution_count: count }] : [];
}

function resultOf(content: Readonly<Record<string, unknown>>): AgentEvent[] {
  const results: Record<string, string> = {};
  for (const [type, value] of Object.entries(asObject(content['data']))) {
    if (value === null || value === undefined) continue;
    results[type] = textOf(value);
    if (type === 'text/plain') results['text'] = textOf(value);
  }
  return Object.keys(results).length === 0 ? [] : [{ type: 'result', results }];
}

/** Clients read nothing but text: a list of lines is joined, everything else becomes JSON. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  const isLines = Array.isArray(value) && value.every((line) => typeof line === 'string');
  return isLines ? value.join('') : JSON.stringify(value);
}
