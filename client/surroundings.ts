import type { Effects, Event } from './core/messages.js'
import type { Page } from './core/page.js'

/** Reports what happens to a page. */
export type Dispatch = (...event: Event) => void

type Doing = { readonly [K in keyof Effects]: (...args: Effects[K]) => void }

/** A page's environment: carries out the core's effects, except for telling callers and listeners, and reports events. */
export interface Surroundings extends Omit<Doing, 'settle' | 'visitor'> {
  /** Keeps this text, and no other, beyond the life of the page. */
  keep(text: string): void
  /** Begins to report events. */
  open(): void
  close(): void
}

/** Creates the surroundings, given where to report events, and what the page knows, to read. */
export type Surround = (dispatch: Dispatch, page: Page) => Surroundings
