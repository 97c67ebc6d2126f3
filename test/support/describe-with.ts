import { describe, it } from '@jest/globals'
import { isAll } from './scope.mjs'

/**
 * Tests that need a tool: where it is missing they are skipped, or fail in `npm run test:all`. The title of what is skipped
 * says why: the last lines of a run repeat it (`skipped-reporter.mjs`).
 */
export function describeWith(needed: string, title: string, run: () => void): void {
  const missing = process.env[`MISSING_${needed.toUpperCase()}`]
  if (missing === undefined) describe(title, run)
  else if (!isAll) describe.skip(`${title} (needs ${missing})`, run)
  else {
    describe(title, () => {
      it(`is tested in ${needed}`, () => {
        throw new Error(missing)
      })
    })
  }
}
