import { appendFileSync } from 'node:fs'
import { relative } from 'node:path'

/** Writes the failed tests of each file as the file ends: a run that bails out writes no results of its own. */
export default class MatrixReporter {
  onTestResult(_, { testFilePath, testExecError, testResults }) {
    const failed = testResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName)
    if (testExecError && failed.length === 0) failed.push('the file')
    const row = JSON.stringify([relative(process.cwd(), testFilePath), failed])
    if (failed.length > 0) appendFileSync(process.env.MATRIX_FAILURES, `${row}\n`)
  }
}
