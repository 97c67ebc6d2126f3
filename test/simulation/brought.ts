import type { Register } from './registers.js'

/** What was brought from one guest. */
export interface Brought {
  readonly ever: Map<string, Register>
  /** The server must still know of it. */
  readonly lately: Map<string, Register>
  /** When something came last. */
  readonly at: number
}
