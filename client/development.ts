/** What `index.ts` exports, as it is in development and in Node: it says what is wrong, and what to do. */

export type * from '../shared/declaration.js'
export type { LiveSessionErrorCode } from '../shared/errors.js'
export type * from '../shared/field-types.js'
export type { LiveSessionClientToServer, LiveSessionServerToClient } from '../shared/protocol.js'
export type * from '../shared/registered.js'
export type * from '../shared/session-types.js'
export type { Status, StatusDetail } from './core/view.js'
export { createLiveSession, followAddress, followHandOffs, onFlash } from './development/live-session.js'
export { LiveSessionError } from './error.js'
export type * from './types.js'
