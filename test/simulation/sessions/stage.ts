import { HAND_OFF } from '../../../shared/protocol.js'
import { Browser, type Exchange } from '../browser.js'
import { Deployment, type ServerNode } from '../deployment.js'
import { FakeResponse } from '../http.js'
import { pick } from '../random.js'
import type { Weather } from '../shared-store.js'
import type { Harm, Violation } from '../tally.js'
import { fireIntervals, fireTimer, moveEachTurn, moveServerClock, turn } from '../time.js'
import { Wire, type WireWatcher } from '../wire.js'
import { isWellSince, SessionChecker } from './checker.js'
import type { Content } from './ends.js'
import { type Act, type Run, routeOf, settle, type Token } from './requests.js'
import type { SessionSchedule } from './schedule.js'

const MAX_MOVES = 200
/** ms, longer than ten times `storeRefresh`: until then, a process with an adapter does not wait for the store. */
const REFRESH = 601_000
/** Turns until koa-session and the plugin have done all that needs no timer. */
const TURNS = 4
const CODES: readonly string[] = ['superseded', 'store_unavailable', 'other_visitor', 'bad_ticket', 'cookies_blocked']

let runs = 0

/** An open connection, with the browser that opened it. */
interface Opened {
  readonly wire: Wire
  readonly browser: Browser
}

type Socket = Wire['handle'] & {
  readonly session?: { values(): Content }
  readonly liveSession?: { readonly userId: string | undefined; handOff(...given: readonly unknown[]): Promise<void> }
}

/** The browsers and nodes of an app whose `ctx.session` is in `live.sessionStore()`. */
export class SessionStage {
  readonly browsers: readonly Browser[]
  readonly deployment: Deployment
  readonly checker: SessionChecker
  /** Whether times of two nodes may be compared. */
  readonly hasOneClock: boolean
  violation: Violation | undefined
  readonly #runs = new WeakMap<Exchange, Run>()
  #opened: Opened[] = []
  readonly #run: number
  #aim = 0

  constructor({ browsers, cluster }: SessionSchedule) {
    runs += 1
    this.#run = runs
    this.hasOneClock = new Set(cluster.skews).size === 1
    this.browsers = browsers.map((_, index) => new Browser(index, false))
    const nothing = (): void => undefined
    this.deployment = new Deployment(cluster, 'session-store', { received: nothing, revoked: nothing, joined: nothing })
    this.checker = new SessionChecker(this.deployment, (what, harm) => this.fail(what, harm))
    moveEachTurn(() => this.deployment.move())
  }

  get node(): ServerNode {
    return this.deployment.node(this.#aim)
  }

  aim(number: number): void {
    this.#aim = number
  }

  userId(name: string): string {
    return `${name}-${this.#run}`
  }

  fail(what: string, harm: Harm = 'other'): void {
    this.violation ??= { harm, what }
  }

  /** Lets all that needs no timer happen, and checks all open sockets. */
  async settle(): Promise<void> {
    for (let times = 0; times < TURNS; times += 1) await turn()
    this.checker.spread()
    for (const { process } of this.deployment.nodes)
      for (const error of process.errors.splice(0))
        if (!CODES.includes((error as { code?: string }).code ?? '') && !String(error).includes('on purpose'))
          this.fail(`reports ${error instanceof Error ? error.stack : error}`)
    for (const { wire } of this.#live) this.#look(wire, 'an open socket')
    // No two things happen in the same millisecond.
    moveServerClock(1, Number.POSITIVE_INFINITY)
  }

  async request(browser: Browser, acts: readonly Act[], heldAt = -1, cookies = browser.cookies): Promise<Exchange> {
    const onRun = (run: Run): void => void this.#runs.set(exchange, run)
    const route = routeOf(acts, heldAt, { checker: this.checker, onRun })
    // A POST, because only a form brings a hand-off.
    const exchange: Exchange = browser.send({ method: 'POST', url: '/', cookies, route })
    await exchange.leave(this.node, new FakeResponse(), () => {
      const run = this.#runs.get(exchange)
      if (run) settle(run)
    })
    await this.settle()
    return exchange
  }

  async advance(exchange: Exchange): Promise<void> {
    if (exchange.state === 'running') await exchange.finish()
    else if (exchange.state === 'answered') await exchange.arrive()
    else await exchange.lose()
    await this.settle()
  }

  async flow(browser: Browser): Promise<void> {
    for (let moves = 0; moves < MAX_MOVES; moves += 1) {
      browser.tidy()
      const [exchange] = browser.exchanges
      if (!exchange || this.violation) return
      await this.advance(exchange)
      if (exchange.state === 'running' && !(await this.deployment.store?.answer())) fireTimer()
    }
    this.fail(`browser ${browser.index} never stops moving`)
  }

  async connect(browser: Browser, cookies: string = browser.cookies): Promise<void> {
    const { node, checker } = this
    const since = checker.arrives(node, cookies)
    const wire = new Wire(node, cookies, QUIET)
    let isAnswered = false
    void wire.greet().then((error) => {
      isAnswered = true
      if (!error && !wire.isClosedByServer && !node.isOver) {
        wire.enter()
        this.#look(wire, 'a handshake', since)
        this.#opened.push({ wire, browser })
      }
    })
    await this.settle()
    for (let times = 0; !isAnswered && times < MAX_MOVES; times += 1) {
      if (!(await this.deployment.store?.answer())) fireTimer()
      await this.settle()
    }
  }

  async disconnect(number: number): Promise<void> {
    pick(this.#live, number)?.wire.close()
    await this.settle()
  }

  /** Returns a hand-off from a handler of the browser's last socket. */
  async token(browser: Browser, user: string): Promise<Token | undefined> {
    const wire = this.#live.findLast((one) => one.browser === browser)?.wire
    if (!wire) return undefined
    const since = this.checker.arrives(wire.node)
    const made = this.checker.now()
    await (wire.handle as Socket).liveSession?.handOff('sign-in', { user }, { to: '/' }).catch(() => undefined)
    await this.settle()
    const text = wire.toTab.findLast(({ event }) => event === HAND_OFF)?.args[0]
    return typeof text === 'string' ? { text, user, made, since } : undefined
  }

  /** Does what ten minutes do: what has been loaded is stale, and sessions and sockets are checked. */
  async refresh(): Promise<void> {
    const { nodes } = this.deployment
    moveServerClock(REFRESH, Number.POSITIVE_INFINITY)
    this.checker.outdates(nodes)
    const looked = this.#live.map(({ wire }) => ({ wire, since: this.checker.arrives(wire.node, wire.cookies) }))
    for (let rounds = 0; rounds < 2; rounds += 1) {
      fireIntervals()
      await this.settle()
    }
    for (const { wire, since } of looked) if (isOpen(wire)) this.#look(wire, 'a checked socket', since)
  }

  async restart(node: ServerNode): Promise<void> {
    for (const { exchanges } of this.browsers)
      for (const exchange of exchanges)
        if (exchange.state === 'running' && exchange.node === node) {
          exchange.state = 'lost'
          await exchange.lose()
        }
    for (const { wire } of this.#live) if (wire.node === node) wire.close()
    this.deployment.restart(node, 'one')
    this.checker.outdates([this.deployment.nodes[node.index] ?? node])
    await this.settle()
  }

  /** Drops all from a process's memory that may be dropped, as a flood does. */
  async evict(node: ServerNode): Promise<void> {
    const { core } = node.process
    core.memory.clear()
    for (const data of core.featureData as unknown as readonly FeatureData[])
      for (const entry of [...data.all()]) if (!entry.isPinned) data.drop(entry)
    node.evict(new Set())
    await this.settle()
  }

  /** The app's own code ends a session, if it finds one. */
  async destroy(id: string): Promise<void> {
    const { node, checker } = this
    const since = checker.arrives(node, `app=${id}`)
    const store = node.process.live.sessionStore()
    const destroy = async (): Promise<void> => {
      if (node.isOver || !(await store.get(id))) return
      const { user, login } = checker.contentOf(id)
      checker.leaves(since)
      const end = checker.isAfterUser(id) ? checker.begins({ node, login, id }) : undefined
      await store.destroy(id)
      if (node.isOver) return
      checker.retires(since)
      if (end && user !== undefined) end.isTold = true
    }
    void destroy().catch(() => undefined)
    await this.settle()
  }

  async weather(weather: Weather): Promise<void> {
    const { store } = this.deployment
    if (store) store.weather = weather
    await this.settle()
  }

  /** Lets all happen that is due, then brings each session to each node. */
  async comeToRest(): Promise<void> {
    const { store, bus, nodes } = this.deployment
    if (store) store.weather = 'fair'
    bus?.heal()
    await this.settle()
    for (const browser of this.browsers) await this.flow(browser)
    const isUnsaved = (): boolean => nodes.some(({ process }) => process.core.store?.unsaved.size)
    for (let times = 0; times < MAX_MOVES && isUnsaved(); times += 1) {
      fireTimer()
      await this.settle()
    }
    for (let times = 0; times < 2; times += 1) await this.refresh()
    const [browser] = this.browsers
    for (const id of this.checker.ids.slice(-8)) {
      for (const node of nodes) {
        if (!browser || this.violation) return
        this.aim(node.index)
        await this.connect(browser, `app=${id}`)
        await (await this.request(browser, [], -1, `app=${id}`)).lose()
      }
    }
  }

  close(): void {
    for (const { wire } of this.#opened) wire.close()
  }

  get #live(): readonly Opened[] {
    this.#opened = this.#opened.filter(({ wire }) => isOpen(wire))
    return this.#opened
  }

  #look(wire: Wire, where: string, since = this.checker.arrives(wire.node, wire.cookies)): void {
    const { session, liveSession } = wire.handle as Socket
    const content = session?.values() ?? {}
    const isOpening = where === 'a handshake'
    // A socket keeps its user until it is closed, at the latest when it is checked. A socket without a session gets none.
    const isNamed = isOpening ? content.user !== undefined : where === 'a checked socket' && isWellSince(since)
    const userId = isNamed ? liveSession?.userId : content.user
    if (session || isOpening) this.checker.sees(since, content, where, isOpening ? userId : (userId ?? content.user))
  }
}

/** The part of a feature's data that evictions use. */
interface FeatureData {
  all(): Iterable<{ readonly isPinned: boolean }>
  drop(entry: object): void
}

const QUIET: WireWatcher = {
  greeted: () => undefined,
  refused: () => undefined,
  opens: () => undefined,
  sent: () => undefined,
  asked: () => undefined,
  answered: () => undefined,
  closed: () => undefined,
}

function isOpen(wire: Wire): boolean {
  return wire.isOpen && !wire.isClosedByServer && !wire.node.isOver
}
