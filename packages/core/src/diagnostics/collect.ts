import { Fault, isFault } from '@opensandbox/base';
import type { Context } from '../lifecycle/context.ts';
import { requireRecord, view } from '../lifecycle/context.ts';
import type { DiagnosticsFacet, DiagnosticText, EngineScope } from '../ports/diagnostics.ts';
import type { Sandbox, SandboxId } from '../sandbox.ts';
import type { Diagnostics, ScopedWish } from './diagnostics.ts';
import type { Journal } from './journal.ts';
import { formatJournal, formatKnownEvents, formatKnownFacts, warningsOf } from './known-text.ts';

const ENGINE_SCOPES: readonly EngineScope[] = ['container', 'runtime', 'network', 'process'];

export function createDiagnostics(context: Context, journal: Journal): Diagnostics {
  const look = (id: SandboxId): Sandbox => view(context, requireRecord(context, id));
  const known = (text: string): DiagnosticText => ({ text, isTruncated: false, warnings: [] });
  return {
    async logs(id, wish, signal) {
      look(id);
      return (await facet(context).logs(id, { ...wish, scope: 'container' }, signal)) ?? known('');
    },
    async events(id, limit, signal) {
      look(id);
      const text = await facet(context).events(id, { scope: 'container', limit }, signal);
      return text ?? known(formatKnownEvents(look(id), newest(journal.read(id).entries, limit)));
    },
    async describe(id, signal) {
      look(id);
      return (await facet(context).describe(id, signal)) ?? known(formatKnownFacts(look(id)));
    },
    async collect(id, wish, signal) {
      look(id);
      if (wish.scope === 'lifecycle') return lifecycleText(journal, id, wish);
      if (wish.scope !== 'all') return await one(context, id, { ...wish, scope: wish.scope }, signal);
      return collectAll({ context, journal }, id, wish, signal);
    },
  };
}

function facet({ driver }: Context): DiagnosticsFacet {
  if (driver.diagnostics !== undefined) return driver.diagnostics;
  throw new Fault('unsupported', 'diagnostics.unsupported', 'This runtime offers no such diagnostics.');
}

function lifecycleText(journal: Journal, id: SandboxId, wish: ScopedWish): DiagnosticText {
  const page = journal.read(id);
  const { since = -Infinity } = wish;
  const recent = page.entries.filter(({ at }) => at >= since);
  const entries = newest(recent, wish.kind === 'logs' ? wish.lines : wish.limit);
  const isTruncated = entries.length < recent.length;
  return { text: formatJournal(entries), isTruncated, warnings: warningsOf(page) };
}

type EngineWish = ScopedWish & { readonly scope: EngineScope };

/** What the engine tells, or a warning that says why it does not. */
async function one(
  context: Context,
  id: SandboxId,
  wish: EngineWish,
  signal: AbortSignal,
): Promise<DiagnosticText> {
  const source = facet(context);
  try {
    const found =
      wish.kind === 'logs' ? await source.logs(id, wish, signal) : await source.events(id, wish, signal);
    return found ?? nothing(missingText(context, id));
  } catch (error) {
    if (isFault(error, 'not_found') || signal.aborted) throw error;
    context.log.warn('diagnostics.unread', { sandboxId: id, kind: wish.kind, scope: wish.scope, error });
    return nothing(unreadText(wish, error));
  }
}

function missingText(context: Context, id: SandboxId): string {
  const { status } = view(context, requireRecord(context, id));
  return `The engine has no container of this sandbox, which is ${status.state}. ${status.message}`;
}

/** The engine's own words stay in the log: they may hold what clients must not see. */
function unreadText({ kind, scope }: EngineWish, error: unknown): string {
  const isAway = isFault(error, 'unavailable') || isFault(error, 'timeout');
  return `The ${scope} ${kind} could not be read${isAway ? `: ${error.message}` : '.'}`;
}

function nothing(warning: string): DiagnosticText {
  return { text: '', isTruncated: false, warnings: [warning] };
}

/** Part of the whole that the text of each scope may take. The container's own output is what people look for. */
const SHARE: Readonly<Record<EngineScope, number>> = {
  container: 0.7,
  runtime: 0.1,
  network: 0.1,
  process: 0.05,
};

async function collectAll(
  { context, journal }: { readonly context: Context; readonly journal: Journal },
  id: SandboxId,
  wish: ScopedWish,
  signal: AbortSignal,
): Promise<DiagnosticText> {
  const lifecycle = lifecycleText(journal, id, wish);
  const scopes = context.driver.diagnostics === undefined ? [] : ENGINE_SCOPES;
  const read = scopes.map((scope) => {
    const maxBytes = Math.floor(wish.maxBytes * SHARE[scope]);
    return one(context, id, { ...wish, scope, maxBytes }, signal);
  });
  const texts = [lifecycle, ...(await Promise.all(read))];
  const heads = ['lifecycle', ...scopes];
  return {
    text: texts.map(({ text }, index) => `==> ${heads[index] ?? ''} <==\n${text}`).join('\n'),
    isTruncated: texts.some(({ isTruncated }) => isTruncated),
    warnings: [...new Set(texts.flatMap(({ warnings }) => warnings))],
  };
}

function newest<T>(entries: readonly T[], most: number): readonly T[] {
  return entries.slice(Math.max(0, entries.length - most));
}
