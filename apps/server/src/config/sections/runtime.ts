import { z } from 'zod';
import { section, wholeNumber } from '../fields.ts';

/** The value of `runtime.execd_image` that means: use the agent shipped with this server. */
export const BUILTIN_EXECD = 'builtin';

export const runtimeSection = section({
  type: z
    .enum(['docker', 'kubernetes', 'fake'])
    .describe('What runs the sandboxes. fake: nothing runs; for development and tests.'),
  execd_image: z
    .string()
    .min(1)
    .default(BUILTIN_EXECD)
    .describe('Image that holds the in-sandbox agent. builtin: the agent shipped with this server.'),
  execd_ready_timeout_seconds: wholeNumber(1, 3600)
    .default(60)
    .describe('How long a started sandbox may take until its agent answers; then it becomes Failed.'),
});
