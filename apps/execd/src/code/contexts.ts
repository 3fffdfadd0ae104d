import { createSingleFlight, Fault } from '@opensandbox/base';
import type { Jupyter, JupyterSession } from './jupyter.ts';
import { isKernelLanguage } from './languages.ts';
import { openSession } from './open-session.ts';
import type { OpenSessionDeps } from './open-session.ts';

/** The running code of a context. */
export interface ContextRun {
  /** Resolves when an interrupt would reach the code, or it has ended. */
  readonly started: Promise<void>;
}

/** A kernel that keeps its state from one piece of code to the next. */
export interface CodeContext {
  /** Jupyter's session id at first; it stays when the kernel has to be replaced. */
  readonly id: string;
  readonly language: string;
  readonly cwd: string | undefined;
  sessionId: string;
  kernelId: string;
  /** Whether the kernel was told its directory and variables; again false for each new one. */
  isPlaced: boolean;
  /** The variables it was told last, as JSON. */
  told: string;
  /** Its kernel may have ended. */
  isSuspect: boolean;
  isDeleted: boolean;
  run: ContextRun | undefined;
}

export interface Contexts {
  create(language: string, cwd: string | undefined, signal: AbortSignal): Promise<CodeContext>;
  /** The context that code of a language runs in when none is named; made at its first use. */
  defaultOf(language: string, signal: AbortSignal): Promise<CodeContext>;
  /** The one with this id, also when an agent before this one made it. */
  find(id: string, signal: AbortSignal): Promise<CodeContext | undefined>;
  list(language: string | undefined): CodeContext[];
  delete(context: CodeContext, signal: AbortSignal): Promise<void>;
  /** Gives the context a new kernel; what the old one knew is lost. */
  replaceKernel(context: CodeContext, signal: AbortSignal): Promise<void>;
}

export function createContexts(deps: OpenSessionDeps): Contexts {
  const known = new Map<string, CodeContext>();
  const defaults = new Map<string, string>();
  const makingDefault = createSingleFlight<string, CodeContext>();

  function add(session: JupyterSession, language: string, cwd: string | undefined): CodeContext {
    const context = contextOf(session, language, cwd);
    known.set(context.id, context);
    return context;
  }

  async function create(
    language: string,
    cwd: string | undefined,
    signal: AbortSignal,
  ): Promise<CodeContext> {
    return add(await openSession(deps, { language, cwd }, signal), language, cwd);
  }

  return {
    create,
    async defaultOf(language, signal) {
      const made = known.get(defaults.get(language) ?? '');
      if (made !== undefined) return made;
      const make = async (all: AbortSignal): Promise<CodeContext> => {
        const context = await create(language, undefined, all);
        defaults.set(language, context.id);
        return context;
      };
      return makingDefault.run(language, make, signal);
    },
    async find(id, signal) {
      const found = known.get(id);
      if (found !== undefined || !looksLikeSessionId(id)) return found;
      const left = await leftBehind(deps.jupyter, id, signal);
      return left === undefined ? undefined : (known.get(id) ?? add(left.session, left.language, undefined));
    },
    list: (language) => {
      const all = [...known.values()];
      return language === undefined ? all : all.filter((context) => context.language === language);
    },
    async delete(context, signal) {
      context.isDeleted = true;
      try {
        await deps.jupyter.deleteSession(context.sessionId, signal);
      } catch (error) {
        context.isDeleted = false;
        throw error;
      }
      known.delete(context.id);
      if (defaults.get(context.language) === context.id) defaults.delete(context.language);
    },
    replaceKernel: (context, signal) => replaceKernel(deps, context, signal),
  };
}

async function replaceKernel(
  deps: OpenSessionDeps,
  context: CodeContext,
  signal: AbortSignal,
): Promise<void> {
  const { language, cwd } = context;
  const isDeleted = (): boolean => context.isDeleted;
  if (isDeleted()) throw deleted();
  const session = await openSession(deps, { language, cwd }, signal);
  if (isDeleted()) {
    await deps.jupyter.deleteSession(session.id, deps.lifetime); // nobody would ever use or end its kernel
    throw deleted();
  }
  Object.assign(context, { sessionId: session.id, kernelId: session.kernelId, isPlaced: false });
}

function deleted(): Fault {
  return new Fault('not_found', 'code.no_context', 'context not found');
}

function contextOf(session: JupyterSession, language: string, cwd: string | undefined): CodeContext {
  return {
    id: session.id,
    language,
    cwd,
    sessionId: session.id,
    kernelId: session.kernelId,
    isPlaced: false,
    told: '{}',
    isSuspect: false,
    isDeleted: false,
    run: undefined,
  };
}

/** A session that an agent before this one opened, and the language of its kernel. */
async function leftBehind(
  jupyter: Jupyter,
  id: string,
  signal: AbortSignal,
): Promise<{ readonly session: JupyterSession; readonly language: string } | undefined> {
  const session = await jupyter.session(id, signal);
  if (session === undefined || !isOurs(session)) return undefined;
  const language = await languageOf(jupyter, session.kernelName, signal);
  return language === undefined ? undefined : { session, language };
}

function looksLikeSessionId(id: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
}

/** People may use the same Jupyter server: their notebooks have other names. */
function isOurs(session: JupyterSession): boolean {
  return /(^|\/)[0-9a-f]{32}\.ipynb$/.test(session.path);
}

async function languageOf(
  jupyter: Jupyter,
  kernelName: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const language = (await jupyter.specs(signal)).find((spec) => spec.name === kernelName)?.language;
  return language !== undefined && isKernelLanguage(language) ? language : undefined;
}

/** The reason why there are no contexts at all. */
export function notConfigured(): Fault {
  const reason = 'language runtime server not configured, please check your image runtime';
  return new Fault('internal', 'jupyter.not_configured', reason);
}
