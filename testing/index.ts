/**
 * What the tests of an app need, for any runner of tests.
 *
 * @module koa-live-session/testing
 */
export { type CookieVisitor, cookieFor } from './cookie-for.js'
export { emptyCache } from './empty-cache.js'
export { type MemoryStore, memoryStore } from './memory-store.js'
export { type ContractTest, storeContract } from './store-contract.js'
export { type TestClock, testClock } from './test-clock.js'
