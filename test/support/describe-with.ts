import { describe, it } from '@jest/globals'

/** Tests that need what not every machine has: where it is missing they are skipped, or fail if nothing may be missing. */
export function describeWith(needed: string, title: string, run: () => void): void {
  const missing = process.env[`MISSING_${needed.toUpperCase()}`]
  if (missing === undefined) describe(title, run)
  else if (process.env['LIVE_SESSION_TEST_ALL'] !== '1') describe.skip(title, run)
  else {
    describe(title, () => {
      it(`is tested in ${needed}`, () => {
        throw new Error(missing)
      })
    })
  }
}
