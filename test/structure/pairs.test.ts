import { expect, it } from '@jest/globals'
import { pairs } from '../support/app/pairs.js'

it('pairs() covers each pair of values in fewer rows than the product', () => {
  const lists = [
    ['a', 'b', 'c', 'd'],
    [0, 1, 2],
    [true, false],
    ['x', 'y', 'z'],
  ] as const
  const rows = pairs(...lists)
  for (const [at, list] of lists.entries())
    for (const [there, other] of lists.entries())
      for (const value of list)
        for (const next of there === at ? [] : other)
          expect(rows.some((row) => row[at] === value && row[there] === next)).toBe(true)
  expect(rows.length).toBeLessThan(16)
})
