import { ServerResponse } from 'node:http'
import type Koa from 'koa'
import type { Socket } from 'socket.io'
import { LONGEST_TIMER } from '../../../shared/ms.js'
import type { Settings } from '../../options.js'
import type { Report } from '../report.js'
import type { Authentication } from './authentication.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'
import { requestAgain } from './request-again.js'

interface Needs {
  readonly app: Koa
  readonly connections: Connections
  readonly report: Report
  readonly settings: Settings
}

/** ms between two turns, at least, where there are several in the time after which all have been asked about. */
const TURN = 1000
const MAX_TURNS = 1000

/** What a connection was opened with. */
type Opening = Pick<Socket, 'conn' | 'request'>

/**
 * Asks `identify` again whose an open connection is: the app's own session may have ended where no request of that browser tells of
 * it. Each connection has its turn, so that thousands that came at once are not asked about at once.
 */
export class Rechecks {
  readonly #core: Needs
  readonly #authentication: Authentication
  readonly #every: number
  readonly #turns: readonly Map<Connection, Opening>[]
  readonly #timer: ReturnType<typeof setInterval> | undefined
  #next = 0
  #last = 0
  #failedAt = Number.NEGATIVE_INFINITY

  /** @param every ms after which each connection has been asked about; `Infinity`: none is */
  constructor(core: Needs, authentication: Authentication, every: number) {
    this.#core = core
    this.#authentication = authentication
    this.#every = every
    const turns =
      authentication.hasUsers && every !== Number.POSITIVE_INFINITY ? Math.min(MAX_TURNS, Math.ceil(every / TURN)) : 0
    this.#turns = Array.from({ length: turns }, () => new Map())
    if (turns > 0) this.#timer = setInterval(() => this.#turn(), Math.min(every / turns, LONGEST_TIMER)).unref()
  }

  /** Asks about a connection from now on, until it is closed. */
  add(connection: Connection, { conn, request }: Opening): void {
    if (this.#turns.length === 0) return
    this.#last = (this.#last + 1) % this.#turns.length
    const turn = this.#turns[this.#last]
    turn?.set(connection, { conn, request })
    conn.once('close', () => void turn?.delete(connection))
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #turn(): void {
    for (const [connection, opening] of this.#turns[this.#next] ?? []) void this.#ask(connection, opening)
    this.#next = (this.#next + 1) % this.#turns.length
  }

  async #ask(connection: Connection, { conn, request }: Opening): Promise<void> {
    const { app, connections, report } = this.#core
    let ctx: Koa.Context | undefined
    try {
      const again = requestAgain(request, conn.remoteAddress)
      ctx = app.createContext(again, new ServerResponse(again))
      const user = await this.#authentication.userOf(ctx)
      // Its browser comes back with the cookies that it has by now, and is whom they say.
      if (user !== connection.opener.visitor.user) void connections.end([connection], 'other_subject')
    } catch (error) {
      // The app's own middleware may say so, too: a handshake that it refuses is none either.
      if (isRefusal(error)) void connections.end([connection], 'other_subject')
      else if (this.#isNews()) report(error, ctx)
    }
  }

  /** Where the app's store is down, each connection's question fails, again and again: it is told once. */
  #isNews(): boolean {
    const now = this.#core.settings.clock()
    const isNews = now - this.#failedAt > 2 * this.#every
    this.#failedAt = now
    return isNews
  }
}

function isRefusal(error: unknown): boolean {
  const { status } = (error ?? {}) as { readonly status?: unknown }
  return status === 401 || status === 403
}
