// By the entry that apps augment: an augmentation adds no file to a program, so every entry that asks for the registered types brings that one.
import type { Fields, Register } from './index.js'

/** The declared fields; before `Register` is filled, any key with any JSON (never `any`). */
export type RegisteredFields = Register extends { readonly fields: infer F extends Fields } ? F : Fields
/** What the app keeps in `ctx.session`, where it says so: `interface Register { session: { user?: string } }`; else any JSON. */
export type RegisteredSession = Register extends { readonly session: infer S extends object }
  ? S
  : Record<string, unknown>
