/**
 * The client for pages: shows changes immediately, and saves them in the cookie. Your code creates the socket, by `connect()` of
 * koa-live-session/socket or `io()` of socket.io-client. Bundlers drop its other functions unless
 * imported.
 *
 * `F` is the type of your fields: `RegisteredFields` unless stated otherwise.
 *
 * @module koa-live-session/client
 */

export type { LiveSessionErrorCode } from '../shared/codes.js'
export type * from '../shared/declaration.js'
export type * from '../shared/observable.js'
export { PageError as LiveSessionError } from '../shared/page-error.js'
export type { LiveSessionClientToServer, LiveSessionServerToClient } from '../shared/protocol.js'
export type * from '../shared/registered.js'
export type * from '../shared/types.js'
export type * from './core/public.js'
export { createLiveSession } from './create-live-session.js'
export { onFlash } from './flash.js'
export { followAddress } from './follow-address.js'
export { followHandOffs } from './follow-hand-offs.js'
export { keepTab } from './keep-tab.js'
export { onSessionEnd } from './session-end.js'
export type * from './types.js'
