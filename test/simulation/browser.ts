import type { FakeResponse } from './http.js'
import { fakeRequest } from './http.js'
import type { Identity } from './knowledge.js'
import { identified, identityOf, type Route, routes } from './process.js'
import { type CookieState, cookieIn, readCookie } from './registers.js'
import type { ServerNode } from './server-node.js'
import { Surroundings } from './surroundings.js'
import type { Tab } from './tab.js'
import { counted } from './tally.js'
import { turn } from './time.js'
import type { Wire } from './wire.js'

const FOREIGN = { origin: 'https://another.example', 'sec-fetch-site': 'cross-site' }

/** The cookie of a visitor who does not agree to be remembered. */
const REFUSAL = 'consent=no'

export interface Outgoing {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly body?: string
  /** Cookies other than the browser's own. */
  readonly cookies?: string
  /** At the app's route; none at the endpoint. */
  readonly route?: (exchange: Exchange) => Route
  /** Its cookies are forged: to the server they are none. */
  readonly isForged?: boolean
  /** A form of another site sends it, as a POST: the browser withholds its live cookie. */
  readonly isForeign?: boolean
  /** The app's route throws at its end. */
  readonly isFailing?: boolean
  /** The page whose client sent it. */
  readonly tab?: Tab
  /** It is the page's last, and hears no answer. */
  readonly isParting?: boolean
  /** The answer has arrived; none: it, or the request, was lost. */
  readonly onAnswer?: (response: FakeResponse | undefined) => void
}

/** How many ids had been given up, and how many users had been revoked, or had left. */
export interface Since {
  readonly givenUp: number
  readonly revoked: number
  readonly departed: number
}

/** A request, from when the browser sends it until its answer has arrived, or never will. */
export class Exchange {
  readonly browser: Browser
  readonly outgoing: Outgoing
  state: 'waiting' | 'running' | 'answered' | 'lost' | 'over' = 'waiting'
  #node: ServerNode | undefined
  /** The cookies it went out with, however long the network held it. */
  readonly cookies: string
  response: FakeResponse | undefined
  /** How much had ended when it reached the server. */
  since: Since = { givenUp: 0, revoked: 0, departed: 0 }
  openGate: () => void = () => undefined
  /** The page waits for it no more. */
  isAborted = false
  readonly gate: Promise<void> = new Promise((resolve) => {
    this.openGate = resolve
  })
  /** The server has not answered at once: other things may have happened meanwhile. */
  isLate = false
  /** What does not go on. */
  readonly never: Promise<never> = new Promise(() => undefined)
  #request: object = {}
  #onAnswered: (exchange: Exchange) => void = () => undefined

  constructor(browser: Browser, outgoing: Outgoing) {
    this.browser = browser
    this.outgoing = outgoing
    this.cookies = outgoing.cookies ?? browser.cookies
  }

  /** Whom the app took the sender for. */
  get user(): string | undefined {
    return identified.get(this.#request)
  }

  /** Whom the plugin takes the sender for, by now; none before values were used. */
  get identity(): Identity | undefined {
    return identityOf(this.#request)
  }

  /** Where it was sent. */
  get node(): ServerNode {
    if (!this.#node) throw new TypeError('expected a request that has been sent')
    return this.#node
  }

  get hasConsent(): boolean {
    return !this.cookies.includes(REFUSAL)
  }

  /** The answer brings a live cookie, or takes it away. */
  get isCookieChanged(): boolean {
    return this.response?.cookies.some(([name]) => name === 'live') === true
  }

  /** The live cookie that the answer brings. */
  get written(): CookieState | undefined {
    const text = this.response?.cookies.find(([name]) => name === 'live')?.[1]
    return text ? readCookie(text) : undefined
  }

  /**
   * The request reaches a server; it may wait there for its gate.
   *
   * @param onAnswered told at the moment at which the answer goes out
   */
  async leave(node: ServerNode, response: FakeResponse, onAnswered: (exchange: Exchange) => void): Promise<void> {
    this.#onAnswered = onAnswered
    const { method, url, body, route, isForeign } = this.outgoing
    counted[method === 'POST' ? 'posts' : 'requests'] += 1
    const req = fakeRequest(isForeign ? 'POST' : method, url, this.cookies, body, isForeign ? FOREIGN : {})
    this.#request = req
    this.#node = node
    this.since = node.knowledge.ends
    this.state = 'running'
    if (route) routes.set(req, route(this))
    response.once('finish', () => {
      if (this.state !== 'running') return
      this.response = response
      this.state = 'answered'
      this.#onAnswered(this)
    })
    void node.process.handle(req, response)
    await turn()
    this.isLate = this.state === 'running'
  }

  /** Goes on where the app's route waited. */
  async finish(): Promise<void> {
    this.openGate()
    await turn()
  }

  async arrive(isLast = true): Promise<void> {
    if (isLast) this.state = 'over'
    // Of a request that was given up a browser takes nothing, though the server may have answered it.
    if (this.response && !this.isAborted) {
      const { browser } = this
      // The next message of a page finds it; nothing else does.
      if (this.isCookieChanged && cookieIn(this.cookies, 'live') !== cookieIn(browser.cookies, 'live'))
        browser.isDisturbed = true
      browser.receive(this.response)
    }
    if (isLast) {
      this.outgoing.onAnswer?.(this.response)
      await turn()
    }
  }

  async lose(): Promise<void> {
    this.state = 'over'
    this.outgoing.onAnswer?.(undefined)
    await turn()
  }
}

/** A cookie jar, requests under way, and tabs. */
export class Browser {
  readonly index: number
  readonly tabs: Tab[] = []
  /** Tickets that its tabs have ever had. */
  readonly tickets: string[] = []
  exchanges: Exchange[] = []
  /** Connections of pages that are gone, of which the server has not heard. */
  readonly adrift: Wire[] = []
  readonly surroundings: Surroundings
  /** Its cookie was taken away or replaced behind the back of its pages. */
  isDisturbed = false
  /** It keeps no cookies at all. */
  isBlocking = false
  #cookies = ''
  readonly #jar = new Map<string, string>()

  constructor(index: number, hasLocks: boolean) {
    this.index = index
    this.surroundings = new Surroundings(hasLocks)
  }

  get cookies(): string {
    return this.#cookies
  }

  /** What a request from another site brings. */
  get foreignCookies(): string {
    return Array.from(this.#jar)
      .filter(([name]) => !name.startsWith('live'))
      .map((pair) => pair.join('='))
      .join('; ')
  }

  send(outgoing: Outgoing): Exchange {
    const exchange = new Exchange(this, outgoing)
    this.exchanges.push(exchange)
    return exchange
  }

  /** Takes the cookies of an answer over, in the order in which answers arrive. */
  receive({ cookies }: Pick<FakeResponse, 'cookies'>): void {
    for (const [name, value] of cookies) {
      if (value === '') this.#jar.delete(name)
      else if (!this.isBlocking) this.#jar.set(name, value)
    }
    this.#write()
  }

  get hasConsent(): boolean {
    return !this.#cookies.includes(REFUSAL)
  }

  /** Its visitor agrees to be remembered, or does not any more. */
  agree(isAgreed: boolean): void {
    this.receive({ cookies: [['consent', isAgreed ? '' : 'no']] })
  }

  /** Its visitor has it keep no cookies, or keep them again; what there was is gone. */
  block(isBlocking: boolean): void {
    this.isBlocking = isBlocking
    this.isDisturbed = true
    this.#jar.clear()
    this.#write()
  }

  /** One cookie is gone: the browser has dropped it, or its visitor has. */
  loseCookie(): void {
    this.isDisturbed = true
    this.receive({
      cookies: [
        ['live', ''],
        ['live.sig', ''],
      ],
    })
  }

  #write(): void {
    this.#cookies = Array.from(this.#jar, ([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Forgets what is over. */
  tidy(): void {
    this.exchanges = this.exchanges.filter(({ state }) => state !== 'over')
  }
}
