// Decides when open connections are rechecked, and closes those whose user has changed.

import { IncomingMessage, ServerResponse } from 'node:http'
import type net from 'node:net'
import type Koa from 'koa'
import type { Link } from '../memory/link.js'
import type { Parts } from '../parts.js'
import { repeat } from '../settings/timers.js'
import type { Authentication } from './authentication.js'
import type { Connection } from './connections.js'

/**
 * The usual ms between two slots: less for an interval that is no multiple of `SLOT_MS`, more for an interval of over `MAX_SLOTS` slots.
 */
const SLOT_MS = 1000
const MAX_SLOTS = 1000

/** The intervals of `attach`, in ms. */
export interface Intervals {
  /** The interval at which each connection is rechecked; `Infinity` for never. */
  readonly recheck: number
  /** The largest age of a connection. */
  readonly maxAge: number
}

type RecheckParts = Pick<Parts, 'app' | 'connections' | 'settings'>

/**
 * Rechecks open connections: runs the middleware of `handshake` and `identify` again, because the app's own session may have ended without
 * a request of that browser. Closes old connections, because a recheck repeats the headers of the opening request, and cannot know what a
 * login proxy would say now. Spreads connections over slots: thousands opened together must not be rechecked together.
 */
export class Rechecks {
  readonly #parts: RecheckParts
  readonly #authentication: Authentication
  readonly #every: number
  readonly #maxAge: number
  /** Each connection with the time of its opening. */
  readonly #slots: readonly Map<Connection, number>[]
  readonly #stop: (() => void) | undefined
  #next = 0
  #last = 0
  #failedAt = Number.NEGATIVE_INFINITY

  constructor(parts: RecheckParts, authentication: Authentication, { recheck: every, maxAge }: Intervals) {
    this.#parts = parts
    this.#authentication = authentication
    this.#every = every
    this.#maxAge = maxAge
    const slots = authentication.isNeeded && every !== Infinity ? Math.min(MAX_SLOTS, Math.ceil(every / SLOT_MS)) : 0
    this.#slots = Array.from({ length: slots }, () => new Map())
    if (slots === 0) return
    this.#stop = repeat(parts.settings.clock, every / slots, (intervals) => {
      for (let due = Math.min(intervals, slots); due > 0; due -= 1) this.#recheckSlot()
    })
  }

  /** Rechecks a connection regularly until the connection closes. */
  add(connection: Connection): void {
    if (this.#slots.length === 0) return
    this.#last = (this.#last + 1) % this.#slots.length
    const slot = this.#slots[this.#last]
    slot?.set(connection, this.#parts.settings.clock())
    connection.link.onClose(() => void slot?.delete(connection))
  }

  close(): void {
    this.#stop?.()
  }

  #recheckSlot(): void {
    const { connections, settings } = this.#parts
    for (const [connection, openedAt] of this.#slots[this.#next] ?? []) {
      const isOld = settings.clock() - openedAt >= this.#maxAge
      if (isOld) void connections.close([connection], 'other_visitor')
      else void this.#recheck(connection)
    }
    this.#next = (this.#next + 1) % this.#slots.length
  }

  async #recheck(connection: Connection): Promise<void> {
    const { app, connections, settings } = this.#parts
    let ctx: Koa.Context | undefined
    try {
      const again = requestAgain(connection.link)
      ctx = app.createContext(again, new ServerResponse(again))
      const user = await this.#authentication.userOf(ctx)
      // After the close, the browser reconnects with its current cookies, as the current visitor.
      if (user !== connection.identity.visitor.user) void connections.close([connection], 'other_visitor')
    } catch (error) {
      // The app's own middleware may refuse the visitor, as in a handshake.
      if (isRefusal(error)) void connections.close([connection], 'other_visitor')
      else if (this.#isFirstFailure()) settings.report(error, ctx)
    }
  }

  /** Returns whether a failure is the first in a while, and so to be reported: while the app's store is down, every recheck fails. */
  #isFirstFailure(): boolean {
    const now = this.#parts.settings.clock()
    const isFirst = now - this.#failedAt > 2 * this.#every
    this.#failedAt = now
    return isFirst
  }
}

/** Returns whether the app's middleware has refused the visitor. */
export function isRefusal(error: unknown): boolean {
  const { status } = (error ?? {}) as { readonly status?: unknown }
  return status === 401 || status === 403
}

/**
 * Copies the opening request without the properties that middleware has added to it. In a recheck, middleware would take these old results
 * for new. Takes the address from the connection: with polling, the first request's socket, which had the address, may be closed.
 */
function requestAgain({ request, remoteAddress }: Link): IncomingMessage {
  const { method, url, headers, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor } = request
  const socket: net.Socket = Object.create(request.socket, { remoteAddress: { value: remoteAddress } })
  const again = new IncomingMessage(socket)
  again.push(null)
  const line = { method, url, httpVersion, httpVersionMajor, httpVersionMinor }
  return Object.assign(again, line, { headers: { ...headers }, rawHeaders, complete: true })
}
