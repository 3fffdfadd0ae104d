import { z } from 'zod';

export const errorBodySchema = z.object({
  code: z.string().meta({ description: 'Stable word for programs.' }),
  message: z.string().meta({ description: 'What went wrong and what to do.' }),
});

export const validationIssueSchema = z.object({
  type: z.string().meta({ description: 'The broken rule.' }),
  loc: z
    .array(z.union([z.string(), z.int()]))
    .meta({ description: 'Where: part of the request, then members.' }),
  msg: z.string().meta({ description: 'The rule for people.' }),
  input: z.unknown().meta({ description: 'What was sent there, without secrets.' }),
  ctx: z.record(z.string(), z.unknown()).optional().meta({ description: 'Numbers of the rule.' }),
});

export const validationErrorBodySchema = z.object({
  detail: z.array(validationIssueSchema).meta({ description: 'Everything that is wrong.' }),
  code: z.string(),
  message: z.string(),
});

export const healthBodySchema = z.object({ status: z.literal('healthy') });

/** Every error answer has a code and a message; some also have the `detail` that older clients look for. */
export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly detail?: unknown;
}
