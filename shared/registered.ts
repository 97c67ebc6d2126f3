import type { Fields } from './field-types.js'

/**
 * Your one declaration of types, from which `ctx.liveSession`, `socket.liveSession` and the page's client know the keys and values.
 *
 * @example
 * declare module 'koa-live-session' { interface Register { fields: typeof fields } }
 */
// biome-ignore lint/suspicious/noEmptyInterface: users augment it
export interface Register {}
/** The declared fields; before `Register` is filled, any key with any JSON (never `any`). */
export type RegisteredFields = Register extends { readonly fields: infer F extends Fields } ? F : Fields
/** What the app keeps in `ctx.session`, where it says so: `interface Register { session: { user?: string } }`; else any JSON. */
export type RegisteredSession = Register extends { readonly session: infer S extends object }
  ? S
  : Record<string, unknown>
