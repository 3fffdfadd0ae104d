import { describe, expect, it } from 'vitest';
import { addUp, type SuiteReport } from './verify-count.ts';

function report(change: Partial<SuiteReport>): SuiteReport {
  return {
    numPassedTests: 3,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    numFailedTestSuites: 0,
    success: true,
    testResults: [],
    ...change,
  };
}

describe('addUp', () => {
  it('adds checks and suites', () => {
    const total = addUp([{ name: 'lint', passed: true }], [{ name: 'unit', report: report({}) }]);
    expect(total).toMatchObject({ passed: 4, failed: 0 });
  });

  it.each([
    ['a failed check', [{ name: 'lint', passed: false }], report({})],
    ['a failed test', [], report({ numFailedTests: 1, success: false })],
    ['a skipped test', [], report({ numPendingTests: 1 })],
    ['a missing report', [], undefined],
    [
      'a file that did not load',
      [],
      report({ success: false, testResults: [{ name: 'x', status: 'failed', assertionResults: [] }] }),
    ],
    [
      'a file that leaves something behind',
      [],
      report({
        success: false,
        testResults: [{ name: 'x', status: 'failed', assertionResults: [{ status: 'passed' }] }],
      }),
    ],
    ['an error outside of tests', [], report({ success: false })],
  ])('counts %s as one failure', (_what, checks, suite) => {
    expect(addUp(checks, [{ name: 'unit', report: suite }]).failed).toBe(1);
  });

  it('mentions tests that may be skipped and counts them as nothing', () => {
    const suite = report({
      numPendingTests: 1,
      testResults: [{ name: 'a/drift.test.ts', status: 'passed', assertionResults: [{ status: 'skipped' }] }],
    });
    const total = addUp([], [{ name: 'unit', report: suite }], (file) => file.endsWith('drift.test.ts'));
    expect(total).toEqual({ passed: 3, failed: 0, lines: [expect.stringContaining('1 not compared')] });
  });
});
