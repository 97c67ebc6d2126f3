import { isAll } from './scope.mjs'

const LINE = '!'.repeat(80)
const NEEDS = /\(needs (.*)\)$/s

/** Ends a run with the reasons for skipped tests, because a skipped test is easy to overlook among thousands. */
export default class SkippedReporter {
  #isWhole
  #isFiltered

  constructor({ testPathPatterns, testNamePattern }) {
    this.#isWhole = testPathPatterns.patterns.length === 0
    this.#isFiltered = Boolean(testNamePattern)
  }

  onRunComplete(_, { testResults: files }) {
    // A pattern for names skips tests on purpose.
    const rows = [...(this.#isFiltered ? [] : reasonsIn(files))].map(
      ([why, count]) => `SKIPPED: ${count} tests: ${why}`,
    )
    if (!isAll && this.#isWhole)
      rows.push(
        'LEFT OUT: Firefox, most browser tests, documents as pasted, framework and example apps, types, faults, large counts: npm run test:all',
      )
    if (rows.length > 0) process.stderr.write(`\n${LINE}\n${rows.join('\n')}\n${LINE}\n`)
  }
}

/** Returns the reasons for skipped tests, with the number of tests for each. */
function reasonsIn(files) {
  const reasons = new Map()
  for (const { status, ancestorTitles, title } of files.flatMap(({ testResults }) => testResults)) {
    if (status !== 'pending') continue
    const why = ancestorTitles.map((each) => NEEDS.exec(each)?.[1]).find(Boolean) ?? title
    reasons.set(why, (reasons.get(why) ?? 0) + 1)
  }
  return reasons
}
