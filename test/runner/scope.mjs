/** `npm run test:all`: everything runs; a missing tool is a failure. */
export const isAll = process.env.LIVE_SESSION_TEST_ALL === '1'

/** Each test file loads all modules anew, as Jest does by itself. */
export const isIsolated = isAll || process.env.LIVE_SESSION_TEST_ISOLATED === '1'

/** Optional tools are hidden, wherever they are installed, as on a machine with only Node and npm. */
export const isBare = process.env.LIVE_SESSION_TEST_BARE === '1'

/** The browser tests of `npm test`: actions of visitors in tabs, and threats that the browser itself must stop. */
const BROWSER_FILES = 'back|filter|frozen-tabs|shown-again|tabs|updates|withheld-cookies'

/**
 * Path patterns of the tests that only `npm run test:all` runs: they take minutes, need many processes, or repeat a quicker
 * test in a whole app.
 */
export const ONLY_IN_ALL = [
  '/test/(docs|example|faults|fuzz|release|types)/',
  `/test/browser/(?!(${BROWSER_FILES})\\.)`,
]
