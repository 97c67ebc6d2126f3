/**
 * The server side: a Koa plugin with socket.io handlers. Adds `ctx.liveSession`, `socket.liveSession` and `socket.session` to the types of
 * Koa and socket.io.
 *
 * Throughout this reference, `F` is the type of your fields: `RegisteredFields` unless stated otherwise.
 *
 * @module koa-live-session
 */
export type { ChangeSource } from '../shared/change.js'
export type { LiveSessionErrorCode } from '../shared/codes.js'
export type * from '../shared/declaration.js'
export { LiveSessionError } from '../shared/errors.js'
export type * from '../shared/field-types.js'
export type { JsonValue } from '../shared/json.js'
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
export type * from '../shared/session-types.js'
export type { Inspection } from './exchange/handle.js'
export type { Written } from './exchange/outcome.js'
export type * from './features/inspector/types.js'
export type * from './features/rooms/types.js'
export type * from './features/session-store/types.js'
export type { UserId } from './ids/subject.js'
export type { LiveSessionOptions } from './option-types.js'
export { liveSession } from './plugin.js'
export type * from './plugin-types.js'
export type * from './session-types.js'
export type { Store, StoredRegister, SweepLimits } from './store-types.js'
