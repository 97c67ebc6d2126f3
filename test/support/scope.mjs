/** `npm run test:all`: everything runs, and what cannot run fails. */
export const isAll = process.env.LIVE_SESSION_TEST_ALL === '1'

/** Optional tools are hidden, wherever they are installed: what a machine with Node and npm alone has is left. */
export const isBare = process.env.LIVE_SESSION_TEST_BARE === '1'

/**
 * What `npm test` leaves to `npm run test:all`, as patterns of paths: what takes minutes, needs many processes, or shows once
 * more, in an app as a whole, what a quicker test proves.
 */
export const ONLY_IN_ALL = [
  '/test/(docs|example|faults|fuzz|release|types)/',
  '/test/browser/(address|another-origin|cluster|controls|deployment|docs|example|hood|inspector|quick-start)\\.',
  '/test/browser/(react|recipes|schedules|sign-in|vue|lasting|(kept|left|routed)-addresses)\\.',
]
