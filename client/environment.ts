// The interface between a page's core and the browser.

import type { Effects, Event } from './core/messages.js'
import type { Page } from './core/page.js'

/** Passes an event to a page's core. */
export type Dispatch = (...event: Event) => void

type EffectHandlers = { readonly [K in keyof Effects]: (...args: Effects[K]) => void }

/** A page's environment: reports events, and runs all effects of the core except `settle` and `visitor`, which call the app. */
export interface Environment extends Omit<EffectHandlers, 'settle' | 'visitor'> {
  /** Persists the page's outbox, replacing the former text. */
  save(text: string): void
  /** Starts to report events. */
  open(): void
  close(): void
}

/** Creates the environment, which reports events by `dispatch`, and only reads the state `page`. */
export type CreateEnvironment = (dispatch: Dispatch, page: Page) => Environment
