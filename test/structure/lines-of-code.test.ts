import { expect, it } from '@jest/globals'
import { linesOfCode } from '../../scripts/rooms.mjs'

it('counts lines of code without imports, comments and blank lines', () => {
  const text = `import {
  one,
} from './one.js'

/**
 * A sum.
 */
export function sum(a: number, b: number): number {
  // of both
  return a + b // here
}

export const TEXT = \`two
lines\`
`
  expect(linesOfCode(text)).toBe(5)
})
