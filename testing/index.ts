export { type CookieVisitor, cookieFor } from './cookie-for.js'
export { emptyCache } from './empty-cache.js'
export { type TestClock, testClock } from './test-clock.js'
