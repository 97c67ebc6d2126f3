// Each entry that uses the registered types must import the augmented entry: TypeScript loads no file because of an augmentation alone.
import type { Fields, Register } from './index.js'

type Registered = Register extends { readonly fields: infer F extends Fields } ? F : Fields
/** The declared fields; until `Register` is augmented, any key with any JSON (never `any`). An interface, so that editors show its name. */
export interface RegisteredFields extends Registered {}
/** The declared type of `ctx.session`: `interface Register { session: { user?: string } }`; by default any JSON. */
export type RegisteredSession = Register extends { readonly session: infer S extends object }
  ? S
  : Record<string, unknown>
