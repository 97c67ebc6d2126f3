/**
 * The server side: a Koa plugin with socket.io handlers. Adds `ctx.liveSession`, `socket.liveSession` and `socket.session` to the types of
 * Koa and socket.io.
 *
 * Throughout this reference, `F` is the type of your fields: `RegisteredFields` unless stated otherwise.
 *
 * @module koa-live-session
 */
export type { ChangeSource, Written } from '../shared/change.js'
export type { LiveSessionErrorCode } from '../shared/codes.js'
export type * from '../shared/declaration.js'
export { LiveSessionError } from '../shared/errors.js'
export type { JsonValue } from '../shared/json.js'
export type * from '../shared/observable.js'
export type {
  ChangeResult,
  Level,
  LiveSessionClientToServer,
  LiveSessionInterServer,
  LiveSessionServerToClient,
  PageAnswer,
  PageMessage,
  Refusal,
  WireChange,
} from '../shared/protocol.js'
export type * from '../shared/registered.js'
export type * from '../shared/types.js'
export type * from './features/inspector/types.js'
export type * from './features/rooms/types.js'
export type * from './features/session-store/types.js'
export { liveSession } from './live-session.js'
export type { UserId } from './subjects/subject.js'
export type * from './types/live.js'
export type { LiveSessionOptions } from './types/options.js'
export type * from './types/session.js'
export type { Store, StoredRegister, SweepLimits } from './types/store.js'
