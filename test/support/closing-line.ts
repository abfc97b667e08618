import type { Reporter, TestModule } from 'vitest/node'

/** Ends the run with one plain line that any reader of logs understands. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state))
    const count = (state: string): number => states.filter((known) => known === state).length
    // A file that does not load has no tests; it counts as one that failed.
    const broken = modules.filter((module) => module.state() === 'failed' && [...module.children.allTests()].length === 0).length
    process.stdout.write(`\n${count('passed')} passed, ${count('failed') + broken} failed, ${count('skipped')} skipped\n`)
  }
}
