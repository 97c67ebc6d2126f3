import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type Koa from 'koa'
import { REFUSAL_CHANNEL, type Refused } from '../../kernel/refused.js'

const MOST = 50

/** A refusal, and when it was seen: ms since 1970. */
export interface SeenRefusal extends Omit<Refused, 'app'> {
  readonly at: number
}

/** The newest refusals of an app, from the time on when they are first asked for. */
export class RecentRefusals {
  readonly #app: Koa
  readonly #clock: () => number
  #seen: readonly SeenRefusal[] = []

  constructor(app: Koa, clock: () => number) {
    this.#app = app
    this.#clock = clock
    subscribe(REFUSAL_CHANNEL, this.#hear)
  }

  /** The newest first. */
  get all(): readonly SeenRefusal[] {
    return this.#seen
  }

  /** Watches no more. */
  close(): void {
    unsubscribe(REFUSAL_CHANNEL, this.#hear)
  }

  readonly #hear = (message: unknown): void => {
    const { app, ...refused } = message as Refused
    // Of two apps in one process each has a channel's every message.
    if (app === this.#app) this.#seen = [{ ...refused, at: this.#clock() }, ...this.#seen].slice(0, MOST)
  }
}
