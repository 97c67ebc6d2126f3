import type { Effects, Event } from './core/messages.js'
import type { Page } from './core/page.js'

/** Says what happens to a page. */
export type Dispatch = (...event: Event) => void

type Doing = { readonly [K in keyof Effects]: (...args: Effects[K]) => void }

/** Where a page is: does what the core says, but for what callers and listeners are told, and says what happens. */
export interface Surroundings extends Omit<Doing, 'settle' | 'visitor'> {
  /** Has this text, and no other, outlive the page. */
  keep(text: string): void
  /** From now on it says what happens. */
  open(): void
  close(): void
}

/** What makes them, given where to say it, and what the page knows, to read. */
export type Surround = (dispatch: Dispatch, page: Page) => Surroundings
