/**
 * The rules of stores, for a store of your own: see docs/stores-reference.md.
 *
 * @module koa-live-session/store
 */
export type { Store, StoredRegister, SweepLimits } from '../types/store.js'
export { decodeRegister, type EncodedRegister, encodeRegister, mergeRegisters } from './registers.js'
export { type SweepRule, sweepRule } from './sweep-rule.js'
