/** Whether this is `npm run test:all`, which runs all tests, and fails where `npm test` would skip some. */
export const isAll = process.env.LIVE_SESSION_TEST_ALL === '1'

/** Whether optional tools are hidden even where they are installed, as on a machine with only Node and npm. */
export const isBare = process.env.LIVE_SESSION_TEST_BARE === '1'

/** The browser tests in `npm test`: tabs of visitors, and threats that the browser itself defends against. */
const BROWSER_FILES = 'back|filter|tabs|updates'

/**
 * Path patterns that only `npm run test:all` runs: tests that take minutes, flood a server, need many processes, test a tool of the tests, or repeat
 * a quicker test in a whole app.
 */
export const ONLY_IN_ALL = [
  '/test/docs/(?!(links|options|troubleshooting)\\.)',
  '/test/(example|faults|fuzz|release|types)/',
  '/test/integration/(adapters|hook-restarts|reconnect-storm)\\.',
  '/test/server/store/(lost-answers|sql-faults)\\.',
  '/test/simulation/(known|planted-defects|planting|recorder)\\.',
  '/test/testing/(every-field|store-contract)\\.',
  '/test/threats/(guest-memory|guest-heap|large-messages|session-floods|strangers|unread)\\.',
  `/test/browser/(?!(${BROWSER_FILES})\\.)`,
]
