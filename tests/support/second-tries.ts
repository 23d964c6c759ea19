import type { Reporter, TestCase } from 'vitest/node';

/**
 * Tells in the end which tests passed at their second try only, which CI allows: on two busy cores a guest may be slower
 * than anybody would wait for. Each is a defect of the test or of Unkai that wants its mend.
 */
export default class SecondTries implements Reporter {
  readonly #tests: TestCase[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.#tests.push(test);
  }

  onTestRunEnd(): void {
    if (this.#tests.length === 0) return;
    console.log('\nPassed at the second try only:');
    for (const test of this.#tests) {
      const { errors = [] } = test.result();
      console.log(`  ${test.module.relativeModuleId} > ${test.fullName}: ${errors[0]?.message.split('\n')[0] ?? ''}`);
    }
  }
}
