import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type Koa from 'koa'
import { REFUSAL_CHANNEL, type Refused } from '../../refused.js'

const MOST = 50

/** A refusal, with the time it was seen in ms since 1970. */
export interface SeenRefusal extends Omit<Refused, 'app'> {
  readonly at: number
}

/** The newest refusals of an app, recorded from the first time they are requested. */
export class RecentRefusals {
  readonly #app: Koa
  readonly #clock: () => number
  #seen: readonly SeenRefusal[] = []

  constructor(app: Koa, clock: () => number) {
    this.#app = app
    this.#clock = clock
    subscribe(REFUSAL_CHANNEL, this.#hear)
  }

  /** Newest first. */
  get all(): readonly SeenRefusal[] {
    return this.#seen
  }

  /** Stops watching. */
  close(): void {
    unsubscribe(REFUSAL_CHANNEL, this.#hear)
  }

  readonly #hear = (message: unknown): void => {
    const { app, ...refused } = message as Refused
    // With two apps in one process, each receives all messages of a channel.
    if (app === this.#app) this.#seen = [{ ...refused, at: this.#clock() }, ...this.#seen].slice(0, MOST)
  }
}
