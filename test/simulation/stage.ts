import type { JsonValue } from '../../shared/json.js'
import { type AnySnapshot, RECONNECT, STORE_SESSION } from '../../shared/protocol.js'
import type { Browser, Exchange } from './browser.js'
import { ADDED_TO } from './builds.js'
import { Hiding } from './hiding.js'
import { FakeResponse } from './http.js'
import type { Identity } from './knowledge.js'
import type { Values } from './page-changes.js'
import { PageChecker } from './pages.js'
import { PostChecker, syncIn } from './posts.js'
import { misplaced, plainCookie } from './process.js'
import type { CookieState, Register } from './registers.js'
import { RequestChecker } from './requests.js'
import { type Action, routeOf } from './routes.js'
import type { Schedule } from './schedule.js'
import { SocketChecker } from './sockets.js'
import { isExpected } from './store-line.js'
import { type Link, Tab, type TabWatcher } from './tab.js'
import { fireTimer, isDue, moveEachTurn, turn } from './time.js'
import { isTaken } from './wire.js'
import { World } from './world.js'

const MAX_TABS = 3
const MAX_MOVES = 300

/** Moves the actors step by step, and lets the checkers see each step. */
export class Stage {
  readonly world: World
  readonly requests: RequestChecker
  readonly pages: PageChecker
  readonly #posts: PostChecker
  readonly #hiding: Hiding
  readonly #sockets: readonly SocketChecker[]
  readonly #watcher: TabWatcher

  constructor(schedule: Schedule) {
    this.world = new World(schedule)
    this.requests = new RequestChecker(this.world)
    this.pages = new PageChecker(this.world)
    this.#hiding = new Hiding(this.world)
    this.#posts = new PostChecker(this.world, this.requests, this.pages)
    this.#sockets = this.world.browsers.map((browser) => new SocketChecker(this.world, browser, this.pages))
    if (!this.world.deployment.isAlone) moveEachTurn(() => this.world.deployment.move())
    this.#watcher = {
      settled: (tab, key, value, code) => {
        if (code === undefined) this.pages.saved(tab, key, value)
        else this.pages.refused(tab, key, value, code)
      },
      asks: (tab, message) => this.pages.asks(tab, message),
      looks: (tab, isReturn, see) => this.#hiding.looks(tab, isReturn, see),
    }
  }

  async begin(browser: Browser, user: string): Promise<void> {
    if (!this.world.hasKoaSession) return browser.receive({ cookies: [['app', plainCookie(user)]] })
    await this.request(browser, [{ does: 'signIn', user }, { does: 'identify' }])
    await this.flow(browser)
  }

  /** Makes a request, whose answer stays in flight. */
  async request(
    browser: Browser,
    actions: readonly Action[],
    onRead?: (found: ReadonlyMap<string, Register>) => void,
  ): Promise<Exchange> {
    const options = { world: this.world, checker: this.requests, ...(onRead ? { onRead } : {}) }
    const isFailing = actions.some(({ does }) => does === 'fail')
    const exchange = browser.send({ method: 'GET', url: '/', route: routeOf(actions, options), isFailing })
    await this.leave(exchange)
    return exchange
  }

  /** Makes a cross-site POST, whose answer stays in flight. */
  async submit(browser: Browser, actions: readonly Action[]): Promise<void> {
    const route = routeOf(actions, { world: this.world, checker: this.requests })
    const cookies = browser.foreignCookies
    await this.leave(browser.send({ method: 'GET', url: '/', route, cookies, isForeign: true }))
  }

  async forge(browser: Browser, cookies: string): Promise<void> {
    const route = routeOf([{ does: 'read' }], { world: this.world, checker: this.requests })
    const exchange = browser.send({ method: 'GET', url: '/', route, cookies, isForged: true })
    await this.leave(exchange)
    await exchange.lose()
  }

  /** Loads a page, which opens when the answer arrives. */
  async load(browser: Browser, link: Link): Promise<Exchange> {
    let shown: readonly [AnySnapshot | undefined, Identity | undefined] = [undefined, undefined]
    const onPage = (...page: [AnySnapshot, Identity | undefined]): void => {
      shown = page
    }
    const route = routeOf([{ does: 'page' }], { world: this.world, checker: this.requests, onPage })
    const onAnswer = (response: FakeResponse | undefined): void => {
      if (response) this.open(browser, link, ...shown, exchange.written)
    }
    const exchange = browser.send({ method: 'GET', url: '/', route, onAnswer })
    await this.leave(exchange)
    return exchange
  }

  open(browser: Browser, link: Link, snapshot?: AnySnapshot, identity?: Identity, cookie?: CookieState): void {
    if (browser.tabs.length >= MAX_TABS) return
    const tab = new Tab(browser, snapshot, link, this.#watcher)
    this.pages.opened(tab, snapshot, identity?.browser, cookie)
    // Without both, the request withheld the cookie.
    if (snapshot?.guest ?? snapshot?.user) this.#hiding.stores(tab, snapshot?.persisted && snapshot.who)
  }

  async #turn(): Promise<void> {
    await turn()
    this.observe()
  }

  async leave(exchange: Exchange): Promise<void> {
    if (exchange.outgoing.method === 'POST') this.#posts.leaves(exchange, this.world.node)
    await exchange.leave(this.world.node, new FakeResponse(), (answered) => this.#check(answered))
    this.observe()
  }

  async finish(exchange: Exchange): Promise<void> {
    await exchange.finish()
    this.observe()
  }

  async arrive(exchange: Exchange, isLast = true): Promise<void> {
    const { response, outgoing, browser } = exchange
    const isHeard = isLast && response && !exchange.isAborted && !outgoing.isParting
    // A crashed page hears nothing.
    const tab = isHeard ? browser.tabs.find((one) => one === outgoing.tab) : undefined
    const answer = tab && response && JSON.parse(response.body)
    if (tab) this.pages.hears(syncIn(exchange), answer)
    const isAccepted = tab && response?.statusCode === 200 && this.pages.answered(tab, syncIn(exchange), answer, 'post')
    if (isAccepted) this.#hiding.answered(tab)
    // Restarted servers, and other nodes, do not know the visitor of this answer.
    const isForgotten = exchange.node.isOver || this.world.nodes.length > 1
    if (exchange.isCookieChanged && isForgotten) exchange.browser.isDisturbed = true
    await exchange.arrive(isLast)
    if (tab) this.pages.shows(tab)
    if (isAccepted && answer.hasCookie) this.#hiding.stores(tab, tab.page.who)
  }

  /** Delivers a packet to the page; resolves with whether there was any. */
  async toTab(tab: Tab): Promise<boolean> {
    const { socket } = tab
    if (socket.state !== 'on' || !socket.wire) return false
    if (socket.wire.isDead || (socket.wire.toTab.length === 0 && !socket.wire.isClosedByServer)) return false
    const { event, args, answered } = socket.next ?? {}
    const shown = this.pages.shown(tab)
    const { isHeard, isFormers } = socket.wire
    if (event === STORE_SESSION && isHeard && !isFormers) this.pages.delivered(tab, String(args?.[0]))
    if (answered) this.pages.hears(answered.message, answered.answer)
    if (answered && isTaken(answered.answer) && !isFormers) {
      const way = isHeard ? 'later' : 'first'
      socket.wire.isHeard = this.pages.answered(tab, answered.message, answered.answer, way)
      if (socket.wire.isHeard) this.#hiding.answered(tab)
    }
    socket.deliver()
    await this.#turn()
    this.pages.goesOn(tab, shown, answered?.answer)
    if (event === RECONNECT) this.#hiding.stores(tab, undefined)
    else if (socket.wire?.isHeard && answered && 'hasCookie' in answered.answer && answered.answer.hasCookie)
      this.#hiding.stores(tab, tab.page.who)
    return true
  }

  async toServer({ socket }: Tab): Promise<boolean> {
    const { state, wire } = socket
    if (state !== 'on' || !wire || wire.isDead || wire.toServer.length === 0) return false
    wire.deliverToServer()
    await this.#turn()
    return true
  }

  async shakeHands({ socket, browser }: Tab): Promise<boolean> {
    const watcher = this.#sockets[browser.index]
    if (socket.state === 'connecting' && watcher) void socket.greet(this.world.node, browser.cookies, watcher)
    else if (socket.state === 'greeted') socket.enter()
    else return false
    await this.#turn()
    return true
  }

  async change(tab: Tab, key: string, value: JsonValue | undefined): Promise<void> {
    this.pages.sets(tab, value)
    this.#hiding.sets(tab, value)
    tab.change(key, value)
    await turn()
  }

  async changeTogether(tab: Tab, values: Values): Promise<void> {
    this.pages.setsTogether(tab, values)
    for (const value of values.values()) this.#hiding.sets(tab, value)
    tab.changeTogether(values)
    await turn()
  }

  /** Adds an item to a list, if the page is ready and not hidden. */
  add(tab: Tab): Promise<void> {
    return this.addAll(tab, 1)
  }

  async addAll(tab: Tab, count: number): Promise<void> {
    // A page in the back/forward cache runs no code.
    if (!tab.isReady || tab.isHidden) return
    for (let times = 0; times < count; times += 1) {
      const item = this.world.ledger.tag(ADDED_TO, tab.browser.index)
      this.pages.sets(tab, [item])
      this.world.additions.add(tab, item, tab.get(ADDED_TO))
      tab.add(ADDED_TO, item)
    }
    await turn()
    this.pages.shows(tab)
  }

  /** Delivers a message of another tab; resolves with whether there was any. */
  async tell(tab: Tab): Promise<boolean> {
    const message = tab.isHidden ? undefined : tab.message()
    if (!message) return false
    this.pages.receivesMessage(tab, message)
    tab.hearNews()
    await turn()
    this.pages.shows(tab)
    return true
  }

  /** Delivers a `storage` event; resolves with whether there was any. */
  async tellStorage(tab: Tab): Promise<boolean> {
    if (!tab.hearStorage()) return false
    await this.#turn()
    return true
  }

  /** Delivers the next packet of a closed page or, after the last, ends the connection. Resolves with false if no connection is left. */
  async land({ adrift }: Browser): Promise<boolean> {
    const [wire] = adrift
    if (!wire) return false
    if (wire.toServer.length > 0) wire.deliverToServer()
    else adrift.shift()?.close()
    await this.#turn()
    return true
  }

  pushed(tab: Tab, key: string, value: number, stamp: number): void {
    if (tab.socket.wire) this.#sockets[tab.browser.index]?.pushed(tab.socket.wire, key, value, stamp)
  }

  /** Lets all operations of a browser finish; resolves with whether there were any. */
  async flow(browser: Browser): Promise<boolean> {
    let moves = 0
    while (this.world.violation === undefined && moves < MAX_MOVES && (await this.#move(browser))) moves += 1
    if (moves === MAX_MOVES) this.world.fail(`browser ${browser.index} never stops moving`)
    browser.tidy()
    return moves > 0
  }

  async #move(browser: Browser): Promise<boolean> {
    for (const exchange of browser.exchanges) {
      if (exchange.state === 'over') continue
      await this.advance(exchange)
      if (exchange.state === 'running') await this.#relieve()
      return true
    }
    if (await this.land(browser)) return true
    for (const tab of browser.tabs) {
      if (await this.shakeHands(tab)) return true
      if (await this.toServer(tab)) return true
      if (await this.toTab(tab)) return true
      if (await this.tell(tab)) return true
      if (await this.tellStorage(tab)) return true
    }
    if (this.world.deployment.store?.asked) return this.#relieve()
    if (!isDue()) return false
    fireTimer()
    await this.#turn()
    return true
  }

  async #relieve(): Promise<boolean> {
    if (!(await this.world.deployment.store?.answer())) fireTimer()
    await this.#turn()
    return true
  }

  async advance(exchange: Exchange): Promise<void> {
    if (exchange.state === 'waiting') await this.leave(exchange)
    else if (exchange.state === 'running') await this.finish(exchange)
    else if (exchange.state === 'answered') await this.arrive(exchange)
    else await exchange.lose()
  }

  observe(): void {
    this.world.checkNow()
    for (const { tabs } of this.world.browsers) for (const tab of tabs) this.#hiding.shows(tab)
    const { store } = this.world.deployment
    if (store?.loss !== undefined) this.world.fail(store.loss, 'lost')
    for (const { line } of this.world.nodes) if (line?.fault !== undefined) this.world.fail(line.fault)
    for (const { process } of this.world.nodes) {
      const fault = misplaced(process)
      if (fault !== undefined) this.world.fail(fault, 'foreign')
    }
    for (const { process, line } of this.world.nodes)
      for (const error of process.errors.splice(0)) if (!isExpected(error, line)) this.world.fail(`reports ${error}`)
  }

  #check(exchange: Exchange): void {
    const { method, isFailing = false } = exchange.outgoing
    if (method === 'POST') this.#posts.answered(exchange)
    else this.requests.answered(exchange, isFailing)
  }
}
