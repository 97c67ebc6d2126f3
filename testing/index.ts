/**
 * Tools to test an app, with any test runner.
 *
 * @module koa-live-session/testing
 */
export { type CookieVisitor, cookieFor } from './cookie-for.js'
export { emptyCache } from './empty-cache.js'
export type { Given } from './given.js'
export { type MemoryAppSession, memoryAppSession } from './memory-app-session.js'
export { type MemorySession, type MemoryVisitor, memorySession } from './memory-session.js'
export { type MemoryStore, memoryStore } from './memory-store.js'
export { type ContractTest, storeContract } from './store-contract.js'
export { type TestClient, testClient } from './test-client.js'
export { type TestClock, testClock } from './test-clock.js'
