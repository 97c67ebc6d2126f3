import { describe, it } from '@jest/globals'
import { isAll } from '../../runner/scope.mjs'

/**
 * Defines tests that need a tool. Without the tool they are skipped, with the reason, or fail in `npm run test:all`.
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
