// Imported from the entry that apps augment: an augmentation adds no file to a program, so every entry with the registered types must.
import type { Fields, Register } from './index.js'

type Registered = Register extends { readonly fields: infer F extends Fields } ? F : Fields
/** The declared fields; until `Register` is augmented, any key with any JSON (never `any`). An interface, whose name editors show. */
export interface RegisteredFields extends Registered {}
/** The type of `ctx.session`, if the app declares it: `interface Register { session: { user?: string } }`; else any JSON. */
export type RegisteredSession = Register extends { readonly session: infer S extends object }
  ? S
  : Record<string, unknown>
