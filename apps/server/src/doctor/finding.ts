/** What one check found. `advice` says what to do when it is not ok. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly advice?: string;
}

export function ok(check: string, message: string): Finding {
  return { check, status: 'ok', message };
}

export function warn(check: string, message: string, advice: string): Finding {
  return { check, status: 'warn', message, advice };
}

export function fail(check: string, message: string, advice: string): Finding {
  return { check, status: 'fail', message, advice };
}

const COLOURS = { ok: '32', warn: '33', fail: '31' } as const;

/** One line a finding, advice below it, and a summary. */
export function formatFindings(findings: readonly Finding[], colour: boolean): string {
  const width = Math.max(...findings.map((finding) => finding.check.length));
  const lines = findings.flatMap(({ check, status, message, advice }) => {
    const word = status.padEnd(4);
    const shown = colour ? `\u001b[${COLOURS[status]}m${word}\u001b[0m` : word;
    const indent = ' '.repeat(width + 8);
    const head = `${shown}  ${check.padEnd(width)}  ${message.replaceAll('\n', `\n${indent}`)}`;
    return advice === undefined ? [head] : [head, `${indent}→ ${advice}`];
  });
  return `${[...lines, '', summary(findings)].join('\n')}\n`;
}

function summary(findings: readonly Finding[]): string {
  const failed = findings.filter((finding) => finding.status === 'fail').length;
  const warned = findings.filter((finding) => finding.status === 'warn').length;
  if (failed > 0)
    return `${failed} failed, ${warned} to look at. The server cannot run until the failed checks pass.`;
  return warned > 0 ? `Ready, with ${warned} to look at.` : 'Everything is ready.';
}
