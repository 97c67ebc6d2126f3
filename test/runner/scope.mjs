/** `npm run test:all`: everything runs, and what cannot run fails. */
export const isAll = process.env.LIVE_SESSION_TEST_ALL === '1'

/** Each test file loads all modules anew, as Jest does by itself. */
export const isIsolated = isAll || process.env.LIVE_SESSION_TEST_ISOLATED === '1'

/** Optional tools are hidden, wherever they are installed, as on a machine with only Node and npm. */
export const isBare = process.env.LIVE_SESSION_TEST_BARE === '1'

/** What `npm test` proves in a browser: what visitors do in tabs, and the threats whose answer is the browser's own. */
const BROWSER_FILES = 'back|filter|frozen-tabs|shown-again|tabs|updates|withheld-cookies'

/**
 * Path patterns of what `npm test` leaves to `npm run test:all`: tests that take minutes, need many processes, or repeat in a
 * whole app what a quicker test proves.
 */
export const ONLY_IN_ALL = [
  '/test/(docs|example|faults|fuzz|release|types)/',
  `/test/browser/(?!(${BROWSER_FILES})\\.)`,
]
