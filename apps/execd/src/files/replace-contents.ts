import { stat } from 'node:fs/promises';
import { agentFault, emptyResponse, jsonResponse } from '../error-envelope.ts';
import { readJsonBody } from '../json-body.ts';
import { jsonFields } from '../json-fields.ts';
import type { FileContext, FileHandler } from './file-context.ts';
import { BODY_PREFIX, entriesOf, queryOf } from './requests.ts';
import { replaceInFile } from './replace-in-file.ts';
import { accessFault } from './system-errors.ts';

interface TextReplacement {
  readonly path: string;
  readonly old: string;
  readonly new: string;
}

/** In order, without going back when one fails. `verbose=true` tells how often each text was found. */
export const replaceContents: FileHandler = async (context, request) => {
  const wanted = entriesOf(await readJsonBody(request)).map(parseReplacement);
  const counts: [string, { readonly replacedCount: number }][] = [];
  for (const replacement of wanted) {
    counts.push([replacement.path, { replacedCount: await replaceOne(replacement, context) }]);
  }
  const isVerbose = queryOf(request).get('verbose') === 'true';
  return isVerbose ? jsonResponse(Object.fromEntries(counts)) : emptyResponse();
};

function parseReplacement([path, value]: [string, unknown]): TextReplacement {
  const fields = jsonFields(value, BODY_PREFIX);
  return { path, old: fields.text('old') ?? '', new: fields.text('new') ?? '' };
}

async function replaceOne(wanted: TextReplacement, context: FileContext): Promise<number> {
  const path = await context.resolve(wanted.path);
  try {
    await stat(path);
    if (wanted.old === '') {
      throw agentFault('invalid', 'INVALID_REQUEST_BODY', `old must not be empty: ${wanted.path}`);
    }
    const replacement = { old: Buffer.from(wanted.old), new: Buffer.from(wanted.new) };
    return await replaceInFile(path, replacement, context);
  } catch (error) {
    throw accessFault(error);
  }
}
