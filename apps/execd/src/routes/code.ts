import { Hono } from 'hono';
import type { Code } from '../code/code.ts';
import { isKernelLanguage } from '../code/languages.ts';
import { plainCommand } from '../commands/command-request.ts';
import type { CommandRunner } from '../commands/command-runner.ts';
import { agentFault } from '../error-envelope.ts';
import { readJsonBody } from '../json-body.ts';
import { jsonFields } from '../json-fields.ts';

export interface CodeRouteDeps {
  readonly runner: CommandRunner;
  readonly code: Code;
  /** Runs a statement on the database of the sandbox and answers with its events. */
  readonly sql: (statement: string, signal: AbortSignal) => Promise<Response>;
}

const PARSE_PREFIX = 'error parsing request, MAYBE invalid body format. ';

/** Code without a language is a shell command. */
export function codeRoutes(deps: CodeRouteDeps): Hono {
  const routes = new Hono();
  routes.post('/code', async (context) => {
    const fields = jsonFields(await readJsonBody(context.req.raw), PARSE_PREFIX);
    const code = fields.text('code') ?? '';
    const wanted = fields.fields('context');
    const language = wanted?.text('language') ?? '';
    const id = wanted?.text('id') ?? '';
    if (code === '') {
      const message = 'invalid request, validation error code is required';
      throw agentFault('invalid', 'INVALID_REQUEST_BODY', message);
    }
    const { signal } = context.req.raw;
    if (language === '' || language === 'command' || language === 'background-command') {
      return deps.runner.run(plainCommand(code, language === 'background-command'), signal);
    }
    if (language === 'sql') return deps.sql(code, signal);
    if (!isKernelLanguage(language)) {
      throw agentFault('internal', 'RUNTIME_ERROR', `unknown language: ${language}`);
    }
    return deps.code.run({ code, language, contextId: id === '' ? undefined : id }, signal);
  });
  return routes;
}
