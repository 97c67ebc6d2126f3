// The exports of `koa-live-session/testing` outside Node.

export type { CookieVisitor } from './cookie-for.js'
export type { Given } from './given.js'
export type { MemoryAppSession } from './memory-app-session.js'
export type { MemorySession, MemoryVisitor } from './memory-session.js'
export { type MemoryStore, memoryStore } from './memory-store.js'
export { cookieFor, emptyCache, memoryAppSession, memorySession, storeContract } from './node-only.js'
export type { ContractTest } from './store-contract.js'
export { type TestClient, testClient } from './test-client.js'
export { type TestClock, testClock } from './test-clock.js'
