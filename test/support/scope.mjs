/** `npm run test:all`: everything runs, and what cannot run fails. */
export const isAll = process.env.LIVE_SESSION_TEST_ALL === '1'

/** Each test file loads all modules anew, as Jest does by itself. */
export const isIsolated = process.env.LIVE_SESSION_TEST_ISOLATED === '1'

/** Optional tools are hidden, wherever they are installed, as on a machine with only Node and npm. */
export const isBare = process.env.LIVE_SESSION_TEST_BARE === '1'

/**
 * Path patterns of what `npm test` leaves to `npm run test:all`: tests that take minutes, need many processes, or repeat in a
 * whole app what a quicker test proves.
 */
export const ONLY_IN_ALL = [
  '/test/(docs|example|faults|fuzz|release|types)/',
  '/test/browser/(address|another-origin|cluster|deployment|example|flow|hood|inspector|quick-start)\\.',
  '/test/browser/(react|schedules|sign-in|vue|lasting|(kept|left|routed)-addresses)\\.',
]
