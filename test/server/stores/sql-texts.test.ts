import { describe, expect, it } from '@jest/globals'
import { columnText, fromColumnText, MAX_TEXT } from '../../../server/stores/sql/row.js'
import { fc } from '../../support/app/property.js'

/** Texts that engines find hard to tell apart come up often. */
const text = fc.string({
  unit: fc.oneof(fc.constantFrom('a', 'A', ' ', '%', '\0', 'é', '\\'), fc.string({ unit: 'binary', maxLength: 1 })),
  maxLength: 40,
})

describe('a subject or key in its column', () => {
  it.each([
    ['user:s:ann', 'user:s:ann'],
    ['T0-_wo7zvHO1WgVnWJf5cGDp4nNQyeQfbv9Ui2FBLzw', 'T0-_wo7zvHO1WgVnWJf5cGDp4nNQyeQfbv9Ui2FBLzw'],
    ['user:s:josé', 'user:s:jos%C3%A9'],
    ['a b', 'a%20b'],
    ['100%', '100%25'],
    ['\0', '%00'],
    ['', ''],
  ])('%j is stored as %s', (given, stored) => {
    expect(columnText('subject', given)).toBe(stored)
    expect(fromColumnText(stored)).toBe(given)
  })

  it('comes back as it was, and is printable ASCII without spaces until then', () => {
    fc.assert(
      fc.property(text, (given) => {
        const stored = columnText('key', given)
        expect(stored).toMatch(/^[!-~]*$/)
        expect(fromColumnText(stored)).toBe(given)
      }),
    )
  })

  it('fits where it has 255 bytes, whatever they are', () => {
    for (const unit of ['\0', 'é', '\uffff', '\u{1f600}']) {
      const longest = unit.repeat(Math.floor(255 / Buffer.byteLength(unit)))
      expect(columnText('subject', longest).length).toBeLessThanOrEqual(MAX_TEXT)
    }
  })

  it('is handed over as it is where another program has written it', () => {
    for (const odd of ['100%', '%ff', 'a b']) expect(fromColumnText(odd)).toBe(odd)
  })
})
