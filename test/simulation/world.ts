import Keygrip from 'keygrip'
import { Browser, type Exchange } from './browser.js'
import { type BuildName, rotations } from './builds.js'
import { Ledger } from './ledger.js'
import { ProcessPool } from './process.js'
import { type CookieState, cookieIn, hashOf, readCookie } from './registers.js'
import { ServerNode } from './server-node.js'
import { Successors } from './successors.js'
import type { Harm, Violation } from './tally.js'
import { serverClock } from './time.js'
import type { Wire } from './wire.js'

export const USERS: readonly [string, ...string[]] = ['ann', 'bob']

const pool = new ProcessPool()
let runs = 0

/** One schedule's: a server, browsers, and what must be true of them. */
export class World {
  readonly browsers: readonly Browser[]
  readonly hasKoaSession: boolean
  readonly ledger: Ledger = new Ledger()
  readonly successors: Successors = new Successors()
  node: ServerNode
  rotation = 0
  violation: Violation | undefined

  readonly #checks: (() => void)[] = []
  readonly #run: number
  readonly #subs = new Map<string, string>()
  readonly #epochs = new Map<string, number>()

  constructor(browsers: number, hasKoaSession: boolean, hasLocks: boolean) {
    this.hasKoaSession = hasKoaSession
    runs += 1
    this.#run = runs
    pool.reset()
    this.browsers = Array.from({ length: browsers }, (_, index) => new Browser(index, hasLocks))
    this.node = this.#start('one', 0)
    for (const name of USERS) this.subOf(this.userId(name))
  }

  /** Memory is lost; the next process may be of another build, or have newer secrets. */
  restart(build: BuildName, rotation: number): void {
    for (const { exchanges, tabs } of this.browsers) {
      for (const exchange of exchanges) if (exchange.state === 'running') exchange.state = 'lost'
      for (const { socket } of tabs) if (socket.wire) socket.drop()
    }
    // A process takes a while to begin: two ends within one millisecond, of processes that do not know of each other, would be one.
    serverClock.at += 1
    this.node.isOver = true
    this.node = this.#start(build, rotation)
    this.rotation = rotation
    this.successors.rotation = rotation
    this.ledger.forgive()
  }

  /** A user of this schedule alone. */
  userId(name: string): string {
    return `${name}-${this.#run}`
  }

  subOf(userId: string): string
  subOf(userId: string | undefined): string | undefined
  subOf(userId: string | undefined): string | undefined {
    if (userId === undefined) return undefined
    const known = this.#subs.get(userId) ?? hashOf(`user:s:${userId}`)
    this.#subs.set(userId, known)
    return known
  }

  isUser(sub: string): boolean {
    return [...this.#subs.values()].includes(sub)
  }

  /** A genuine live cookie, unless its time is over. */
  cookie(header: string): CookieState | undefined {
    const text = cookieIn(header, 'live')
    if (text === undefined) return undefined
    const state = readCookie(text)
    return state.exp > serverClock.at ? state : undefined
  }

  /** The genuine one that a request came with. */
  cookieOf({ outgoing, cookies }: Exchange): CookieState | undefined {
    return outgoing.isForged ? undefined : this.cookie(cookies)
  }

  /** Whom the app's own session is of. */
  appUser(header: string): string | undefined {
    const text = cookieIn(header, 'app')
    const keys = new Keygrip([...(rotations[this.rotation] ?? [])])
    // An answer from before a rotation can bring the one without the other: to koa-session that is no session.
    if (this.hasKoaSession && !keys.verify(`app=${text}`, cookieIn(header, 'app.sig') ?? '')) return undefined
    return text === undefined ? undefined : JSON.parse(Buffer.from(text, 'base64').toString()).user
  }

  /** A user was revoked; says whether in a later epoch than ever. */
  beginsEpoch(sub: string, epoch: number): boolean {
    const isNewest = epoch > (this.#epochs.get(sub) ?? 0)
    if (isNewest) this.#epochs.set(sub, epoch)
    return isNewest
  }

  /** Subjects that open sockets hold in memory. */
  held(): ReadonlySet<string> {
    return new Set(this.wires(this.node).flatMap(({ subs }) => subs))
  }

  /** The connections of a node. */
  wires(node: ServerNode): readonly Wire[] {
    const wires = this.browsers.flatMap(({ tabs }) => tabs.flatMap(({ socket }) => socket.wire ?? []))
    return wires.filter((wire) => wire.isOpen && !wire.isClosedByServer && wire.node === node)
  }

  fail(what: string, harm: Harm = 'other', page?: string): void {
    this.violation ??= { harm, what, ...(page === undefined ? {} : { page }) }
  }

  /** For what is sent before the checkers have heard of the reason. */
  checkLater(check: () => void): void {
    this.#checks.push(check)
  }

  checkNow(): void {
    for (const check of this.#checks.splice(0)) check()
  }

  close(): void {
    for (const { tabs } of this.browsers) for (const tab of [...tabs]) tab.close()
    this.node.process.core.subjects.clear()
  }

  #start(build: BuildName, rotation: number): ServerNode {
    const process = pool.start(build, rotation, this.hasKoaSession)
    return new ServerNode(0, process, {
      now: serverClock.now,
      onJoin: (user, value) => this.ledger.join(user, value),
    })
  }
}
