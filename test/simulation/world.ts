import Keygrip from 'keygrip'
import { subjectHash, type UserSubject } from '../../server/identity/subject.js'
import { Browser, type Exchange } from './browser.js'
import { type BuildName, rotations } from './builds.js'
import { Deployment } from './deployment.js'
import { Ledger } from './ledger.js'
import { type CookieState, cookieIn, hashOf, type Register, readCookie } from './registers.js'
import type { Schedule } from './schedule.js'
import type { ServerNode } from './server-node.js'
import { Successors } from './successors.js'
import type { Harm, Violation } from './tally.js'
import { serverClock } from './time.js'
import { EPOCH, type Told } from './told.js'
import type { Wire } from './wire.js'

export const USERS: readonly [string, ...string[]] = ['ann', 'bob']

let runs = 0

/** One schedule's: servers, browsers, and what must be true of them. */
export class World {
  readonly browsers: readonly Browser[]
  readonly hasKoaSession: boolean
  readonly ledger: Ledger = new Ledger()
  readonly successors: Successors = new Successors()
  readonly deployment: Deployment
  violation: Violation | undefined
  /** How many revocations there have been. */
  ends = 0

  readonly #checks: (() => void)[] = []
  #aim = 0
  readonly #run: number
  readonly #subs = new Map<string, string>()
  readonly #epochs = new Map<string, number>()

  constructor({ browsers, cluster, hasKoaSession, hasLocks }: Schedule) {
    this.hasKoaSession = hasKoaSession
    runs += 1
    this.#run = runs
    this.browsers = browsers.map((_, index) => new Browser(index, hasLocks))
    this.deployment = new Deployment(cluster, hasKoaSession, {
      told: (node, told, isNow) => this.#told(node, told, isNow),
      revoked: (node, user, isErased) => this.#revoked(node, user, isErased),
      joined: (user, value) => this.ledger.join(user, value),
    })
    for (const name of USERS) this.subOf(this.userId(name))
  }

  /** Where the next request goes, and the next connection. */
  get node(): ServerNode {
    return this.deployment.node(this.#aim)
  }

  get nodes(): readonly ServerNode[] {
    return this.deployment.nodes
  }

  aim(number: number): void {
    this.#aim = number
  }

  /** The memory of a node is lost; its next process may be of another build. */
  restart(node: ServerNode, build: BuildName): void {
    for (const { exchanges, tabs } of this.browsers) {
      for (const exchange of exchanges)
        if (exchange.state === 'running' && exchange.node === node) exchange.state = 'lost'
      for (const { socket } of tabs) if (socket.node === node) socket.drop()
    }
    // A process takes a while to begin: two ends within one millisecond, of processes that do not know of each other, would be one.
    serverClock.at += 1
    this.deployment.restart(node, build)
    this.ledger.forgive()
  }

  /** All nodes have newer secrets. */
  rotate(): void {
    const rotation = Math.min(rotations.length - 1, this.deployment.rotation + 1)
    this.deployment.rotation = rotation
    this.successors.rotation = rotation
    for (const node of [...this.nodes]) this.restart(node, node.build)
  }

  /** A node has taken a write: it tells the others, and has it stored. */
  wrote(node: ServerNode, sub: string, key: string, register: Register): void {
    this.confirmed(node, sub, key, register)
    this.deployment.durability?.owe(node, this.storeName(sub), key, register)
    this.tells(node, sub, key, register.stamp)
  }

  /** What is news at a node it tells the others. */
  tells(node: ServerNode, sub: string, key: string, stamp: number): void {
    this.checkLater(() => {
      if (this.deployment.bus?.hasTold(node, sub, key, stamp) === false && !node.isOver)
        this.fail(`node ${node.index} does not tell the others of ${key} at ${stamp}`)
    })
  }

  /** A node has taken a write, or had it already. */
  confirmed(node: ServerNode, sub: string, key: string, register: Register): void {
    this.ledger.assign(register.value, sub, register.stamp)
    node.knowledge.learn(sub, key, register)
  }

  /** A node has said how far a write has got. */
  acknowledged(node: ServerNode, sub: string, key: string, register: Register, level: string | undefined): void {
    const { durability } = this.deployment
    const isKept = !node.knowledge.givenUp.has(sub) && node.knowledge.isLasting(sub, register)
    const fault = level === 'store' && isKept ? durability?.stored(this.storeName(sub), key, register) : undefined
    if (fault !== undefined) this.fail(fault, 'lost')
    if (level === 'store' && !durability) this.fail('there is no store that could have it')
    if (level === 'memory' && node.line?.troubles === 0) this.fail(`${key} is not stored, though the store is well`)
  }

  /** A node gives a browser id up: it tells the others, and has it stored. */
  gaveUp(node: ServerNode, browser: string): void {
    const { bus, durability } = this.deployment
    durability?.end(this.storeName(browser))
    durability?.owe(node, this.storeName(browser), EPOCH, { stamp: 1, value: undefined })
    this.checkLater(() => {
      if (bus?.hasToldEnd(node, 'browser', browser, 1) === false && !node.isOver)
        this.fail(`node ${node.index} does not tell the others that a browser id was given up`)
    })
  }

  /** Whether an epoch of a user is current wherever that is known: at the nodes, and in the store. */
  isCurrent(user: string, epoch: number): boolean {
    const stored = this.#stored(user)?.stamp ?? 0
    return epoch >= stored && this.nodes.every(({ knowledge }) => knowledge.isCurrent(user, epoch))
  }

  /** The same, of all that a cookie says. */
  isGood(cookie: CookieState): boolean {
    const { user, browser, epoch } = cookie
    const isCurrent = user === undefined || this.isCurrent(user, epoch)
    return isCurrent && !this.#stored(browser) && this.nodes.every(({ knowledge }) => knowledge.isGood(cookie))
  }

  /** Whether a register was not erased, as far as that is known anywhere. */
  isLasting(sub: string, register: Register): boolean {
    const erased = this.#stored(sub)?.value
    const isStored = typeof erased !== 'number' || register.stamp === 1 || register.stamp > erased
    return isStored && this.nodes.every(({ knowledge }) => knowledge.isLasting(sub, register))
  }

  /** What the store says has ended. */
  #stored(sub: string): Register | undefined {
    return this.deployment.store?.rows(this.storeName(sub)).get(EPOCH)
  }

  /** Whether a user was erased, and not all nodes can know: without a store what was not heard is not learnt. */
  isUneven(sub: string): boolean {
    return new Set(this.nodes.map(({ knowledge }) => knowledge.erasedUntil(sub))).size > 1
  }

  /** Whether the store has a write, or a later one, or knows that it is gone. */
  isStored(sub: string, key: string, stamp: number): boolean {
    return this.deployment.durability?.isThere(this.storeName(sub), key, { stamp, value: undefined }) === true
  }

  /** By which name a store has a subject. */
  storeName(sub: string): string {
    const user = [...this.#subs].find(([, one]) => one === sub)
    return user ? `user:s:${user[0]}` : `browser:${sub}`
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
    const keys = new Keygrip([...(rotations[this.deployment.rotation] ?? [])])
    // An answer from before a rotation can bring the one without the other: to koa-session that is no session.
    if (this.hasKoaSession && !keys.verify(`app=${text}`, cookieIn(header, 'app.sig') ?? '')) return undefined
    return text === undefined ? undefined : JSON.parse(Buffer.from(text, 'base64').toString()).user
  }

  /** Subjects that open sockets of a node hold in memory. */
  held(node: ServerNode): ReadonlySet<string> {
    return new Set(this.wires(node).flatMap(({ subs }) => subs))
  }

  /** What the store does not have yet is not forgotten: who comes finds it in memory again. */
  recover(node: ServerNode, sub: string): void {
    for (const { key, register } of this.deployment.durability?.pending(node, this.storeName(sub)) ?? [])
      if (key !== EPOCH) node.knowledge.learn(sub, key, register)
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
    for (const { process } of this.nodes) process.core.subjects.clear()
  }

  #revoked(node: ServerNode, user: UserSubject, isErased: boolean): void {
    const { knowledge } = node
    const { epochs } = node.process.core
    const { bus, durability, isAlone } = this.deployment
    const sub = hashOf(user)
    const epoch = epochs.of(subjectHash(user))
    this.ends += 1
    const before = this.#stored(sub)?.stamp ?? 0
    if (node.line?.isWell && epoch <= before)
      this.fail(`${user} is revoked in epoch ${epoch}, though the store has one of ${before}`)
    if (isErased || epoch <= before) durability?.end(this.storeName(sub))
    else if (!node.line?.isWell) durability?.endAnew(this.storeName(sub))
    const value = isErased ? epochs.erasedUntil(user) : undefined
    durability?.owe(node, this.storeName(sub), EPOCH, { stamp: epoch, value })
    knowledge.revoke(sub, epoch)
    // A process that has just begun, on a clock that runs behind, cannot know of a later epoch.
    const isNewest = epoch > (this.#epochs.get(sub) ?? 0)
    if (isNewest) this.#epochs.set(sub, epoch)
    if (isErased) knowledge.erase(sub, epochs.erasedUntil(user))
    if (isErased && isNewest && isAlone) this.ledger.erase(sub)
    const open = this.wires(node).filter(({ subs }) => subs.includes(sub))
    this.checkLater(() => {
      if (node.isOver) return
      if (this.wires(node).some((wire) => open.includes(wire)))
        this.fail(`a socket of ${user}, who was revoked, stays open`)
      if (bus?.hasToldEnd(node, 'user', sub, epoch) === false)
        this.fail(`node ${node.index} does not tell the others that ${user} was revoked`)
      if (value !== undefined && bus?.hasToldEnd(node, 'erased', sub, value) === false)
        this.fail(`node ${node.index} does not tell the others that ${user} was erased`)
    })
  }

  /** Whatever a node is told counts there from now on: what has ended, too. */
  #told(node: ServerNode, told: Told, isNow: boolean): void {
    const isEnd = node.knowledge.take(told, isNow)
    if (!isEnd) return
    const { kind, sub } = told
    this.checkLater(() => {
      const over = this.wires(node).filter((wire) => {
        if (kind === 'browser') return wire.browser === sub && !wire.isFleeting
        const cookie = this.cookie(wire.cookies)
        return (
          wire.subs[0] === sub && (wire.isFleeting || (kind === 'user' && cookie && !node.knowledge.isGood(cookie)))
        )
      })
      if (over.length > 0)
        this.fail(`a connection of ${told.kind} ${sub}, who has gone elsewhere, stays open`, 'foreign')
    })
  }
}
