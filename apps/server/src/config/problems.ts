import { Fault } from '@opensandbox/base';
import type { z } from 'zod';
import { nodeAt, valueAt } from './key-tree.ts';
import type { KeyNode } from './key-tree.ts';
import { demandText } from './rule-text.ts';

export interface Problem {
  /** Dotted path of the key; empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
}

/** What a schema found, in our own words: these never repeat a value, which may be a secret. */
export function readIssues(issues: readonly z.core.$ZodIssue[], tree: KeyNode, document: unknown): Problem[] {
  return issues.map((issue) => {
    const path = pathText(issue.path);
    if (issue.code === 'custom') return { path, message: issue.message };
    // A pattern says nothing to a person; a schema that has a sentence for it put that into the message.
    if (issue.code === 'invalid_format' && !issue.message.startsWith('Invalid ')) {
      return { path, message: issue.message };
    }
    const node = nodeAt(tree, issue.path) ?? {};
    const isMissing = valueAt(document, issue.path) === undefined;
    return { path, message: isMissing ? `is required; ${demandText(node)}` : demandText(node) };
  });
}

export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
}

/** One Fault for everything that is wrong, so that a file can be mended in one go. */
export function configFault(file: string, problems: readonly Problem[]): Fault {
  const lines = problems.map(({ path, message }) => `  ${path === '' ? message : `${path}: ${message}`}`);
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new Fault(
    'invalid',
    'config.invalid',
    [`The configuration ${file} has ${count}:`, ...lines].join('\n'),
    {
      details: { problems },
    },
  );
}
