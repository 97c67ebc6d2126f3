import { describe, expect, it } from '@jest/globals'
import { privateCacheControl } from '../../../server/http/cache-control.js'

describe('the app’s own Cache-Control on a visitor’s answer', () => {
  it.each([
    ['public', 'private'],
    ['public, max-age=60', 'private, max-age=60'],
    ['max-age=60, public', 'private, max-age=60'],
    ['PUBLIC, Max-Age=60', 'private, Max-Age=60'],
    ['public,max-age=60,s-maxage=600', 'private, max-age=60'],
    ['s-maxage=600', 'private'],
    ['S-MaxAge = 600 , max-age=60', 'private, max-age=60'],
    ['max-age=60', 'private, max-age=60'],
    ['max-age=0, must-revalidate', 'private, max-age=0, must-revalidate'],
    ['no-cache', 'private, no-cache'],
    ['public, max-age=31536000, immutable', 'private, max-age=31536000, immutable'],
    ['public, stale-while-revalidate=60', 'private, stale-while-revalidate=60'],
    ['private, public', 'private'],
    ['public, no-store', 'no-store'],
    ['no-store, must-understand, max-age=60', 'no-store, max-age=60'],
    // Only some headers are private here, so shared caches would store the body.
    ['private="set-cookie", max-age=60', 'private, max-age=60'],
    ['private="x, public", public', 'private'],
    ['public, no-cache="set-cookie, vary"', 'private, no-cache="set-cookie, vary"'],
    ['no-cache="a \\" public, b", public', 'private, no-cache="a \\" public, b"'],
    ['publicly, max-age=60', 'private, publicly, max-age=60'],
    ['', 'private'],
    [' , ,public', 'private'],
    ['public, "', 'private, "'],
  ])('%s becomes %s', (given, expected) => {
    expect(privateCacheControl(given)).toBe(expected)
  })

  it.each(['private', 'private, max-age=60', 'no-store', 'no-cache, no-store, must-revalidate', 'Private,max-age=60'])(
    '%s stays unchanged',
    (given) => {
      expect(privateCacheControl(given)).toBe(given)
    },
  )
})
