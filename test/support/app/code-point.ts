import fc from 'fast-check'

/** Any code point. The unit `'binary'` of fast-check takes a second to prepare. */
export const codePoint = fc
  .oneof(fc.nat(0xd7ff), fc.integer({ min: 0xe000, max: 0x10_ffff }))
  .map((point) => String.fromCodePoint(point))
