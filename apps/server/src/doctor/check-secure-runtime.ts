import { valueAt } from '../config/key-tree.ts';
import { secureRuntime } from '../config/secure-runtime.ts';
import type { AskEngine } from './engine-http.ts';
import { fail, ok } from './finding.ts';
import type { Finding } from './finding.ts';

type Wanted = NonNullable<ReturnType<typeof secureRuntime>>;

/** What the Docker driver says of an engine without the runtime; `undefined` when it is there. */
export type FindMissingRuntime = (
  wanted: Wanted,
  runtimes: Readonly<Record<string, unknown>>,
) => { readonly problem: string; readonly advice: string } | undefined;

/** Does the engine have the runtime that every sandbox is to run with? Nothing when none is configured. */
export async function checkSecureRuntime(
  deps: { readonly ask: AskEngine; readonly findMissingRuntime: FindMissingRuntime },
  section: Parameters<typeof secureRuntime>[0],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const wanted = secureRuntime(section);
  if (wanted === undefined) return [];
  const { body } = await deps.ask('/info', signal);
  const runtimes = valueAt(body, ['Runtimes']);
  const known = typeof runtimes === 'object' && runtimes !== null ? runtimes : {};
  const missing = deps.findMissingRuntime(wanted, { ...known });
  const check = 'secure runtime';
  return missing === undefined
    ? [ok(check, `the engine has the runtime for secure_runtime.type = '${wanted.kind}'`)]
    : [fail(check, missing.problem, missing.advice)];
}
