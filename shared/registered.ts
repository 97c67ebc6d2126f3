import type { Fields } from './field-types.js'

/** Your one declaration: `declare module 'koa-live-session' { interface Register { fields: typeof fields } }`. */
// biome-ignore lint/suspicious/noEmptyInterface: users augment it
export interface Register {}
/** The declared fields; before `Register` is filled, any key and `unknown` values (never `any`). */
export type RegisteredFields = Register extends { readonly fields: infer F extends Fields } ? F : Fields
