/**
 * The page's part: shows values at once, and brings changes home into the cookie. Of socket.io-client it needs the types alone; the socket is
 * yours.
 *
 * `F` is the type of your fields: `RegisteredFields`, unless it is said otherwise.
 *
 * @module koa-live-session/client
 */

export type * from '../shared/declaration.js'
export { LiveSessionError, type LiveSessionErrorCode } from '../shared/errors.js'
export type * from '../shared/field-types.js'
export type { LiveSessionClientToServer, LiveSessionServerToClient } from '../shared/protocol.js'
export type * from '../shared/registered.js'
export type * from '../shared/session-types.js'
export type { Status, StatusDetail } from './core/view.js'
export { createLiveSession } from './live-session.js'
export type * from './types.js'
