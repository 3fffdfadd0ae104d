import { Hono } from 'hono';
import { plainCommand } from '../commands/command-request.ts';
import type { CommandRunner } from '../commands/command-runner.ts';
import { agentFault } from '../error-envelope.ts';
import { readJsonBody } from '../json-body.ts';
import { jsonFields } from '../json-fields.ts';

const PARSE_PREFIX = 'error parsing request, MAYBE invalid body format. ';
const NO_KERNELS =
  'error running codes language runtime server not configured, please check your image runtime';

/** Languages that need a kernel or a database beside the agent. */
const BACKED_LANGUAGES: ReadonlySet<string> = new Set([
  'bash',
  'go',
  'java',
  'javascript',
  'python',
  'sql',
  'typescript',
]);

/** Code without a language is a shell command. */
export function codeRoutes(runner: CommandRunner): Hono {
  const routes = new Hono();
  routes.post('/code', async (context) => {
    const fields = jsonFields(await readJsonBody(context.req.raw), PARSE_PREFIX);
    const code = fields.text('code') ?? '';
    const language = fields.fields('context')?.text('language') ?? '';
    if (code === '') {
      const message = 'invalid request, validation error code is required';
      throw agentFault('invalid', 'INVALID_REQUEST_BODY', message);
    }
    const isShell = language === '' || language === 'command' || language === 'background-command';
    if (!isShell) throw noRuntime(language);
    return runner.run(plainCommand(code, language === 'background-command'), context.req.raw.signal);
  });
  return routes;
}

function noRuntime(language: string): Error {
  const message = BACKED_LANGUAGES.has(language) ? NO_KERNELS : `unknown language: ${language}`;
  return agentFault('internal', 'RUNTIME_ERROR', message);
}
