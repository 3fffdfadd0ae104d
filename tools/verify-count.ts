export interface SuiteReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numFailedTestSuites: number;
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

export interface Total {
  readonly passed: number;
  readonly failed: number;
  readonly lines: readonly string[];
}

/**
 * One total over checks and suites. A suite without a report, a file that failed outside of its tests, and a
 * skipped test all count as failures: what did not run has not passed. `maySkip` names the files whose tests
 * may be skipped; they are mentioned and count as nothing.
 */
export function addUp(
  checks: readonly { readonly name: string; readonly passed: boolean }[],
  suites: readonly { readonly name: string; readonly report: SuiteReport | undefined }[],
  maySkip: (file: string) => boolean = () => false,
): Total {
  let passed = 0;
  let failed = 0;
  const lines: string[] = [];
  for (const check of checks) {
    if (check.passed) passed += 1;
    else failed += 1;
    lines.push(`${check.name.padEnd(8)} ${check.passed ? 'passed' : 'FAILED'}`);
  }
  for (const { name, report } of suites) {
    const counted = countSuite(report, maySkip);
    passed += counted.passed;
    failed += counted.failed;
    lines.push(`${name.padEnd(8)} ${counted.passed} passed, ${counted.failed} failed${counted.note}`);
  }
  return { passed, failed, lines };
}

function countSuite(
  report: SuiteReport | undefined,
  maySkip: (file: string) => boolean,
): { passed: number; failed: number; note: string } {
  if (report === undefined) return { passed: 0, failed: 1, note: ' (no report)' };
  const excused = skippedIn(report.testResults.filter((file) => maySkip(file.name)));
  const skipped = report.numPendingTests + report.numTodoTests - excused;
  const hasFailed = (test: { readonly status: string }): boolean => test.status === 'failed';
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(hasFailed),
  );
  const failed = report.numFailedTests + skipped + broken.length;
  const silent = !report.success && failed === 0 ? 1 : 0;
  const notes = [
    skipped > 0 ? ` (${skipped} skipped)` : '',
    excused > 0 ? ` (${excused} not compared: CONTRACT_DIR is not set)` : '',
    ...broken.map((file) => ` (${file.name} ${howBroken(file)})`),
    silent === 1 ? ' (errors outside of tests)' : '',
  ];
  return { passed: report.numPassedTests, failed: failed + silent, note: notes.join('') };
}

/** Its tests passed, and it failed all the same: it leaves something behind, or cannot take back what it made. */
function howBroken({ assertionResults }: SuiteReport['testResults'][number]): string {
  return assertionResults.length === 0 ? 'did not load' : 'failed outside of its tests';
}

function skippedIn(files: SuiteReport['testResults']): number {
  return files
    .flatMap((file) => file.assertionResults)
    .filter((test) => test.status !== 'passed' && test.status !== 'failed').length;
}
