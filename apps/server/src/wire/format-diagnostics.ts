import type { DiagnosticBody } from '@opensandbox/contract';
import type { DiagnosticScope, DiagnosticText } from '@opensandbox/core';
import { keepEnd } from './keep-end.ts';

/** Longest text that is sent inside a descriptor. */
export const DESCRIPTOR_BYTES = 1 << 20;

export interface DescriptorInput {
  readonly sandboxId: string;
  readonly kind: 'logs' | 'events';
  readonly scope: DiagnosticScope;
  readonly found: DiagnosticText;
}

export function formatDescriptor({ sandboxId, kind, scope, found }: DescriptorInput): DiagnosticBody {
  const content = keepEnd(found.text, DESCRIPTOR_BYTES);
  return {
    sandboxId,
    kind,
    scope,
    delivery: 'inline',
    contentType: 'text/plain; charset=utf-8',
    content,
    contentLength: Buffer.byteLength(content),
    truncated: found.isTruncated || content.length < found.text.length,
    ...(found.warnings.length === 0 ? {} : { warnings: [...found.warnings] }),
  };
}

const NO_LOGS = '(no logs)';

/** The text of a log; one without lines says so. */
export function formatLogText(text: string): string {
  return text === '' ? NO_LOGS : text;
}

export interface SummaryInput {
  readonly sandboxId: string;
  readonly lines: number;
  /** `undefined`: it could not be read. */
  readonly inspect: string | undefined;
  readonly events: string | undefined;
  readonly logs: string | undefined;
}

const RULE = '='.repeat(72);
const FRAME = '-'.repeat(40);

export function formatSummary({ sandboxId, lines, inspect, events, logs }: SummaryInput): string {
  return [
    RULE,
    'SANDBOX DIAGNOSTICS SUMMARY',
    `Sandbox ID: ${sandboxId}`,
    RULE,
    ...section('INSPECT', inspect ?? failed('inspect')),
    ...section('EVENTS', events ?? failed('event')),
    ...section(`LOGS (last ${lines} lines)`, logs === undefined ? failed('log') : formatLogText(logs)),
    '',
  ].join('\n');
}

function section(title: string, text: string): readonly string[] {
  return ['', FRAME, title, FRAME, text.replace(/\n$/, '')];
}

function failed(what: string): string {
  return `[error] Failed to collect ${what} diagnostics.`;
}
