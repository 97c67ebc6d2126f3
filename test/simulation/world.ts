import Keygrip from 'keygrip'
import { Additions, Baskets } from './baskets.js'
import { Browser, type Exchange } from './browser.js'
import { type BuildName, rotations } from './builds.js'
import { Deployment, type ServerNode } from './deployment.js'
import { Duties } from './duties.js'
import { Ledger, Saves } from './ledger.js'
import { type CookieState, cookieIn, hashOf, readCookie } from './registers.js'
import { isCalm, type Schedule } from './schedule.js'
import type { Harm, Violation } from './tally.js'
import { serverClock } from './time.js'
import { Validity } from './validity.js'
import { RotatedIds, Whos } from './whos.js'
import type { Wire } from './wire.js'

export const USERS: readonly [string, ...string[]] = ['ann', 'bob']

let runs = 0

/** The browsers, the deployment and the checkers of a schedule, with the first violation. */
export class World {
  readonly browsers: readonly Browser[]
  readonly hasKoaSession: boolean
  readonly ledger: Ledger = new Ledger()
  readonly baskets: Baskets = new Baskets(
    () => this.deployment.isJoined,
    () => this.deployment.isOne,
  )
  readonly rotatedIds: RotatedIds = new RotatedIds()
  readonly whos: Whos = new Whos()
  readonly saves: Saves = new Saves()
  readonly additions: Additions = new Additions((item) => this.baskets.isRetaken(item))
  /** Whether the schedule could lose a page's items only by closing the page. */
  readonly isCalm: boolean
  readonly deployment: Deployment
  readonly duties: Duties = new Duties(this)
  readonly validity: Validity = new Validity(this)
  violation: Violation | undefined

  readonly #checks: (() => void)[] = []
  #aim = 0
  readonly #run: number
  readonly #subs = new Map<string, string>()

  constructor(schedule: Schedule) {
    const { browsers, cluster, hasKoaSession, hasLocks } = schedule
    this.isCalm = isCalm(schedule)
    this.hasKoaSession = hasKoaSession
    runs += 1
    this.#run = runs
    this.browsers = browsers.map((_, index) => new Browser(index, hasLocks))
    this.deployment = new Deployment(cluster, hasKoaSession ? 'koa-session' : 'plain-cookie', {
      received: (node, received, from) => {
        this.baskets.received(node, received, from)
        this.duties.received(node, received, from !== undefined)
      },
      revoked: (node, user, isErased) => this.duties.revoked(node, user, isErased),
      joined: (user, value) => this.ledger.join(user, value),
    })
    for (const name of USERS) this.subOf(this.userId(name))
  }

  get node(): ServerNode {
    return this.deployment.node(this.#aim)
  }

  get nodes(): readonly ServerNode[] {
    return this.deployment.nodes
  }

  aim(number: number): void {
    this.#aim = number
  }

  restart(node: ServerNode, build: BuildName): void {
    for (const { exchanges, tabs, adrift } of this.browsers) {
      for (const exchange of exchanges)
        if (exchange.state === 'running' && exchange.node === node) exchange.state = 'lost'
      for (const { socket } of tabs) if (socket.node === node) socket.drop()
      // Packets of closed pages do not reach a new process.
      for (const wire of adrift) if (wire.node === node) wire.close()
    }
    // A restart takes time; otherwise two unconnected processes could revoke or retire in the same millisecond.
    serverClock.at += 1
    this.deployment.restart(node, build)
  }

  rotate(): void {
    const rotation = Math.min(rotations.length - 1, this.deployment.rotation + 1)
    this.deployment.rotation = rotation
    this.rotatedIds.rotation = rotation
    for (const node of [...this.nodes]) this.restart(node, node.build)
  }

  storeKey(sub: string, generation = 0): string {
    const user = [...this.#subs].find(([, one]) => one === sub)
    if (!user) return `browser:${sub}`
    return `${generation === 0 ? 'user' : `user@${generation}`}:s:${user[0]}`
  }

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

  cookie(header: string): CookieState | undefined {
    const text = cookieIn(header, 'live')
    if (text === undefined) return undefined
    const state = readCookie(text)
    return state.exp > serverClock.at ? state : undefined
  }

  cookieOf({ outgoing, cookies }: Exchange): CookieState | undefined {
    return outgoing.isForged ? undefined : this.cookie(cookies)
  }

  appUser(header: string): string | undefined {
    const text = cookieIn(header, 'app')
    const keys = new Keygrip([...(rotations[this.deployment.rotation] ?? [])])
    // After a rotation, cookie and signature may not match, and koa-session ignores both.
    if (this.hasKoaSession && !keys.verify(`app=${text}`, cookieIn(header, 'app.sig') ?? '')) return undefined
    return text === undefined ? undefined : JSON.parse(Buffer.from(text, 'base64').toString()).user
  }

  held(node: ServerNode): ReadonlySet<string> {
    return new Set(this.wires(node).flatMap(({ subs }) => subs))
  }

  wires(node: ServerNode): readonly Wire[] {
    const wires = this.browsers.flatMap(({ tabs, adrift }) => [
      ...tabs.flatMap(({ socket }) => socket.wire ?? []),
      ...adrift,
    ])
    return wires.filter((wire) => wire.isOpen && !wire.isClosedByServer && wire.node === node)
  }

  fail(what: string, harm: Harm = 'other', page?: string): void {
    this.violation ??= { harm, what, ...(page === undefined ? {} : { page }) }
  }

  /** Runs a check after the current step, when all checkers have seen the step. */
  checkLater(check: () => void): void {
    this.#checks.push(check)
  }

  checkNow(): void {
    for (const check of this.#checks.splice(0)) check()
  }

  close(): void {
    for (const { tabs, adrift } of this.browsers) {
      for (const tab of [...tabs]) tab.close()
      for (const wire of adrift.splice(0)) wire.close()
    }
    for (const { process } of this.nodes) process.core.memory.clear()
  }
}
