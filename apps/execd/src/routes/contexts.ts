import type { Logger } from '@opensandbox/base';
import type { Environment } from '@opensandbox/process';
import { Hono } from 'hono';
import { codeFault } from '../code/code.ts';
import { contextDirectory } from '../code/context-directory.ts';
import type { CodeContext, Contexts } from '../code/contexts.ts';
import { notConfigured } from '../code/contexts.ts';
import { isKernelLanguage, isLanguageWithoutContexts } from '../code/languages.ts';
import { commandEnvironment } from '../commands/command-environment.ts';
import { agentFault, emptyResponse, jsonResponse } from '../error-envelope.ts';
import { readJsonBody } from '../json-body.ts';
import { jsonFields } from '../json-fields.ts';

export interface ContextRouteDeps {
  readonly log: Logger;
  /** Undefined when this agent knows no Jupyter server. */
  readonly contexts: Contexts | undefined;
  readonly environment: Environment;
  readonly cwd: string;
  /** The lifetime of the agent: what is deleted is deleted, also when the client leaves. */
  readonly lifetime: AbortSignal;
}

const PARSE_PREFIX = 'error parsing request, MAYBE invalid body format. ';

export function contextRoutes(deps: ContextRouteDeps): Hono {
  const { contexts } = deps;
  const routes = new Hono();

  routes.post('/code/context', async (context) => {
    const fields = jsonFields(await readJsonBody(context.req.raw), PARSE_PREFIX);
    const language = fields.text('language') ?? '';
    const cwd = fields.text('cwd') ?? '';
    if (language === '') {
      const message = 'invalid request, validation error language is required';
      throw agentFault('invalid', 'INVALID_REQUEST_BODY', message);
    }
    refuseWithoutContexts(language);
    try {
      if (!isKernelLanguage(language))
        throw agentFault('internal', 'RUNTIME_ERROR', `unknown language: ${language}`);
      if (contexts === undefined) throw notConfigured();
      const directory = contextDirectory(cwd, commandEnvironment(deps.environment, {}, deps.log), deps.cwd);
      const made = await contexts.create(language, directory, context.req.raw.signal);
      return jsonResponse(
        directory === undefined ? formatContext(made) : { ...formatContext(made), cwd: directory },
      );
    } catch (error) {
      throw codeFault('error creating code context.', error);
    }
  });

  routes.get('/code/contexts', (context) => {
    const language = context.req.query('language') ?? '';
    refuseWithoutContexts(language);
    const found = contexts?.list(language === '' ? undefined : language) ?? [];
    return jsonResponse(found.map(formatContext));
  });

  routes.delete('/code/contexts', async (context) => {
    const language = context.req.query('language') ?? '';
    if (language === '') throw agentFault('invalid', 'MISSING_QUERY', "missing query parameter 'language'");
    refuseWithoutContexts(language);
    const found = contexts?.list(language) ?? [];
    await Promise.all(found.map((one) => deleteContext(deps, contexts, one)));
    return emptyResponse();
  });

  routes.get('/code/contexts/:id', async (context) => {
    return jsonResponse(formatContext(await findContext(deps, context.req.param('id'))));
  });

  routes.delete('/code/contexts/:id', async (context) => {
    await deleteContext(deps, contexts, await findContext(deps, context.req.param('id')));
    return emptyResponse();
  });
  return routes;
}

async function findContext(deps: ContextRouteDeps, id: string): Promise<CodeContext> {
  const missing = (): Error => agentFault('not_found', 'CONTEXT_NOT_FOUND', `context ${id} not found`);
  if (deps.contexts === undefined) throw missing();
  let found: CodeContext | undefined;
  try {
    found = await deps.contexts.find(id, deps.lifetime);
  } catch (error) {
    throw codeFault(`error finding code context ${id}.`, error);
  }
  if (found === undefined) throw missing();
  return found;
}

async function deleteContext(
  deps: ContextRouteDeps,
  contexts: Contexts | undefined,
  context: CodeContext,
): Promise<void> {
  try {
    await contexts?.delete(context, deps.lifetime);
  } catch (error) {
    throw codeFault(`error deleting code context ${context.id}.`, error);
  }
}

function refuseWithoutContexts(language: string): void {
  if (!isLanguageWithoutContexts(language)) return;
  throw agentFault('internal', 'RUNTIME_ERROR', `unsupported language context operation: ${language}`);
}

function formatContext(context: CodeContext): Readonly<Record<string, string>> {
  return { id: context.id, language: context.language };
}
