/**
 * The page's part: shows values at once, and brings changes home into the cookie. Of socket.io-client it needs the types alone; the socket is
 * yours. `onFlash`, `followAddress` and `followHandOffs` are parts of a page that bundlers drop where you do not import them.
 *
 * `F` is the type of your fields: `RegisteredFields`, unless it is said otherwise.
 *
 * @module koa-live-session/client
 */

export type * from '../shared/declaration.js'
export type { LiveSessionErrorCode } from '../shared/errors.js'
export type * from '../shared/field-types.js'
export type { LiveSessionClientToServer, LiveSessionServerToClient } from '../shared/protocol.js'
export type * from '../shared/registered.js'
export type * from '../shared/session-types.js'
export { followAddress } from './address.js'
export type { Status, StatusDetail } from './core/view.js'
export { LiveSessionError } from './error.js'
export { onFlash } from './flash.js'
export { followHandOffs } from './hand-offs.js'
export { createLiveSession } from './live-session.js'
export type * from './types.js'
