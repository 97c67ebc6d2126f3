// Subscribes to the diagnostics channel of refusals, and records the newest refusals for the inspector.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type Koa from 'koa'
import { REFUSAL_CHANNEL, type RefusalMessage } from '../../settings/report.js'

const MOST = 50

/** A refusal, with its time in ms since 1970. */
export interface SeenRefusal extends Omit<RefusalMessage, 'app'> {
  readonly at: number
}

/** Records an app's newest refusals, from the first `live.inspector()` on. */
export class RecentRefusals {
  readonly #app: Koa
  readonly #clock: () => number
  #seen: readonly SeenRefusal[] = []

  constructor(app: Koa, clock: () => number) {
    this.#app = app
    this.#clock = clock
    subscribe(REFUSAL_CHANNEL, this.#onRefusal)
  }

  /** Newest first. */
  get all(): readonly SeenRefusal[] {
    return this.#seen
  }

  /** Stops recording. */
  close(): void {
    unsubscribe(REFUSAL_CHANNEL, this.#onRefusal)
  }

  readonly #onRefusal = (message: unknown): void => {
    const { app, ...refused } = message as RefusalMessage
    // The channel is global: ignore other apps of this process.
    if (app === this.#app) this.#seen = [{ ...refused, at: this.#clock() }, ...this.#seen].slice(0, MOST)
  }
}
