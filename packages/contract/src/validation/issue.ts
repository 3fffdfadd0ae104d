import { Fault } from '@opensandbox/base';

/** One entry of a 422 body's `detail`, in its member order. */
export interface WireIssue {
  /** Stable word for the broken rule: `missing`, `string_type`, `value_error`, … */
  readonly type: string;
  /** `body`, `query` or `path`, then member names (as the client spelled them) and indexes. */
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  /** The offending value, with secrets masked. */
  readonly input: unknown;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

export type Where = 'body' | 'query' | 'path';

/** More would only make the answer larger than the request. */
const MAX_ISSUES = 1000;

/** Throws the Fault that becomes a 422: `details.issues` is its `detail`. */
export function refuse(issues: readonly WireIssue[]): never {
  throw new Fault('invalid', 'request.invalid', summary(issues), {
    details: { issues: issues.slice(0, MAX_ISSUES) },
  });
}

/** The issues of a Fault made by `refuse`. */
export function issuesOf(fault: Fault): readonly WireIssue[] {
  const issues = fault.details?.['issues'];
  return Array.isArray(issues) ? (issues as readonly WireIssue[]) : [];
}

function summary(issues: readonly WireIssue[]): string {
  const [first, ...rest] = issues;
  if (first === undefined) return 'The request is not valid.';
  const more = rest.length === 0 ? '' : ` (and ${rest.length} more)`;
  return `${first.loc.join('.')}: ${first.msg}${more}`;
}
