import type { FastifyReply, FastifyRequest } from 'fastify';
import { isFault } from '@opensandbox/base';
import type { Diagnostics, DiagnosticText, SandboxId } from '@opensandbox/core';
import { openClientSignal } from '@opensandbox/proxy';
import { sendJson } from '../error-reply.ts';
import { rawQuery } from '../request-path.ts';
import {
  DESCRIPTOR_BYTES,
  formatDescriptor,
  formatLogText,
  formatSummary,
  parseDiagnosticEvents,
  parseDiagnosticLogs,
  parseDiagnosticSummary,
} from '../wire/index.ts';
import { type Route, type RouteContext, type Routes, idParam } from './route.ts';

/** A plain log has as many lines as were asked for; only a log of very long lines is cut. */
const PLAIN_LOG_BYTES = 8 << 20;
const LONGEST_WARNING = 500;

type Answer = (context: RouteContext, call: Call) => Promise<void>;

interface Call {
  readonly id: SandboxId;
  readonly query: string;
  readonly reply: FastifyReply;
  readonly signal: AbortSignal;
}

const ANSWERS: Readonly<Record<string, Answer>> = {
  logs: answerLogs,
  events: answerEvents,
  inspect: async ({ lifecycle }, { id, reply, signal }) => {
    sendText(reply, await lifecycle.diagnostics.describe(id, signal));
  },
  summary: answerSummary,
};

export const diagnosticRoutes: Routes = (context) =>
  Object.entries(ANSWERS).map(([name, answer]): Route => ({
    method: 'GET',
    path: `/sandboxes/:id/diagnostics/${name}`,
    handle: async (request, reply) => {
      using client = openClientSignal(reply.raw, context.closing);
      await answer(context, { ...callOf(request), reply, signal: client.signal });
    },
  }));

function callOf(request: FastifyRequest): Pick<Call, 'id' | 'query'> {
  return { id: idParam(request), query: rawQuery(request.raw.url ?? '') };
}

async function answerLogs({ lifecycle, clock }: RouteContext, call: Call): Promise<void> {
  const { id, reply, signal } = call;
  const { scope, warnings, ...wish } = parseDiagnosticLogs(call.query, clock.now());
  const { diagnostics } = lifecycle;
  if (scope === undefined) {
    const found = await diagnostics.logs(id, { ...wish, maxBytes: PLAIN_LOG_BYTES }, signal);
    const text = formatLogText(found.text);
    sendDeprecated(reply, { ...found, text, warnings: [...warnings, ...found.warnings] });
    return;
  }
  const scoped = { ...wish, kind: 'logs', scope, limit: wish.lines, maxBytes: DESCRIPTOR_BYTES } as const;
  const found = await diagnostics.collect(id, scoped, signal);
  const told = { ...found, warnings: [...warnings, ...found.warnings] };
  sendJson(reply, 200, formatDescriptor({ sandboxId: id, kind: 'logs', scope, found: told }));
}

async function answerEvents({ lifecycle }: RouteContext, call: Call): Promise<void> {
  const { id, reply, signal } = call;
  const { scope, limit } = parseDiagnosticEvents(call.query);
  const { diagnostics } = lifecycle;
  if (scope === undefined) {
    sendDeprecated(reply, await diagnostics.events(id, limit, signal));
    return;
  }
  const bounds = { lines: limit, since: undefined, maxBytes: DESCRIPTOR_BYTES };
  const found = await diagnostics.collect(id, { ...bounds, kind: 'events', scope, limit }, signal);
  sendJson(reply, 200, formatDescriptor({ sandboxId: id, kind: 'events', scope, found }));
}

/** Each part by itself: one that cannot be read leaves the others. */
async function answerSummary({ lifecycle, log }: RouteContext, call: Call): Promise<void> {
  const { id, reply, signal } = call;
  const { lines, eventLimit } = parseDiagnosticSummary(call.query);
  const { diagnostics } = lifecycle;
  const part = async (read: (from: Diagnostics) => Promise<DiagnosticText>): Promise<string | undefined> => {
    try {
      return (await read(diagnostics)).text;
    } catch (error) {
      if (isFault(error, 'not_found') || isFault(error, 'unsupported') || signal.aborted) throw error;
      log.warn('diagnostics.unread', { sandboxId: id, requestId: reply.request.id, error });
      return undefined;
    }
  };
  const [inspect, events, logs] = await Promise.all([
    part((from) => from.describe(id, signal)),
    part((from) => from.events(id, eventLimit, signal)),
    part((from) => from.logs(id, { lines, since: undefined, maxBytes: PLAIN_LOG_BYTES }, signal)),
  ]);
  const text = formatSummary({ sandboxId: id, lines, inspect, events, logs });
  sendText(reply, { text, isTruncated: false, warnings: [] });
}

/** Without a scope the text comes by itself, in a form that is on its way out. */
function sendDeprecated(reply: FastifyReply, found: DiagnosticText): void {
  void reply.header('deprecation', 'true');
  sendText(reply, found);
}

/** What a descriptor says beside the text goes into `Warning` headers: the text has its layout. */
function sendText(reply: FastifyReply, { text, isTruncated, warnings }: DiagnosticText): void {
  const said = isTruncated ? [...warnings, 'Older lines were left out.'] : warnings;
  if (said.length > 0) void reply.header('warning', said.map(formatWarning));
  void reply.code(200).header('content-type', 'text/plain; charset=utf-8').send(text);
}

/** Headers are short, and in ASCII. */
function formatWarning(warning: string): string {
  const ascii = warning
    .slice(0, LONGEST_WARNING)
    .replace(/[^\x20-\x7e]/g, '?')
    .replace(/["\\]/g, '\\$&');
  return `299 - "${ascii}"`;
}
