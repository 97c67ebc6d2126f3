import type { ServerNode } from './deployment.js'
import { type FakeResponse, fakeRequest } from './http.js'
import type { Identity } from './knowledge.js'
import { identified, identityOf, type Route, routes } from './process.js'
import { type CookieState, cookieIn, readCookie } from './registers.js'
import { Surroundings } from './surroundings.js'
import type { Tab } from './tab.js'
import { counted } from './tally.js'
import { turn } from './time.js'
import type { Wire } from './wire.js'

const FOREIGN = { origin: 'https://another.example', 'sec-fetch-site': 'cross-site' }

const REFUSAL = 'consent=no'

export interface Outgoing {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly body?: string
  readonly cookies?: string
  readonly route?: (exchange: Exchange) => Route
  /** Whether its cookies are forged, so the server must ignore them. */
  readonly isForged?: boolean
  /** Whether a form of another site makes this POST, so the browser withholds the live cookie. */
  readonly isForeign?: boolean
  readonly isFailing?: boolean
  readonly tab?: Tab
  /** Whether the page is closing, and gets no answer. */
  readonly isParting?: boolean
  /** Called with the response, or with `undefined` after a loss. */
  readonly onAnswer?: (response: FakeResponse | undefined) => void
}

/** The numbers of retired ids, revoked users and departed users at some moment. */
export interface Since {
  readonly retired: number
  readonly revoked: number
  readonly departed: number
}

/** A request and its response, which the schedule delivers, delays or loses. */
export class Exchange {
  readonly browser: Browser
  readonly outgoing: Outgoing
  state: 'waiting' | 'running' | 'answered' | 'lost' | 'over' = 'waiting'
  #node: ServerNode | undefined
  readonly cookies: string
  response: FakeResponse | undefined
  since: Since = { retired: 0, revoked: 0, departed: 0 }
  openGate: () => void = () => undefined
  isAborted = false
  readonly gate: Promise<void> = new Promise((resolve) => {
    this.openGate = resolve
  })
  isLate = false
  readonly never: Promise<never> = new Promise(() => undefined)
  #request: object = {}
  #onAnswered: (exchange: Exchange) => void = () => undefined

  constructor(browser: Browser, outgoing: Outgoing) {
    this.browser = browser
    this.outgoing = outgoing
    this.cookies = outgoing.cookies ?? browser.cookies
  }

  get user(): string | undefined {
    return identified.get(this.#request)
  }

  /** The plugin's visitor; undefined before the first use of a value. */
  get identity(): Identity | undefined {
    return identityOf(this.#request)
  }

  get node(): ServerNode {
    if (!this.#node) throw new TypeError('expected a request that has been sent')
    return this.#node
  }

  get hasConsent(): boolean {
    return !this.cookies.includes(REFUSAL)
  }

  get isCookieChanged(): boolean {
    return this.response?.cookies.some(([name]) => name === 'live') === true
  }

  get written(): CookieState | undefined {
    const text = this.response?.cookies.find(([name]) => name === 'live')?.[1]
    return text ? readCookie(text) : undefined
  }

  /** Sends the request to a server, which may wait at the request's gate. */
  async leave(node: ServerNode, response: FakeResponse, onAnswered: (exchange: Exchange) => void): Promise<void> {
    this.#onAnswered = onAnswered
    const { method, url, body, route, isForeign } = this.outgoing
    counted[method === 'POST' ? 'posts' : 'requests'] += 1
    const req = fakeRequest(isForeign ? 'POST' : method, url, this.cookies, body, isForeign ? FOREIGN : {})
    this.#request = req
    response.req = req
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

  async finish(): Promise<void> {
    this.openGate()
    await turn()
  }

  async arrive(isLast = true): Promise<void> {
    if (isLast) this.state = 'over'
    // A browser ignores the answer to an aborted request.
    if (this.response && !this.isAborted) {
      const { browser } = this
      // A page learns of the new cookie only at its next message.
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

/** A browser with its cookie jar, tabs and requests. */
export class Browser {
  readonly index: number
  readonly tabs: Tab[] = []
  readonly tickets: string[] = []
  exchanges: Exchange[] = []
  /** Connections of closed pages, still open at the server. */
  readonly adrift: Wire[] = []
  readonly surroundings: Surroundings
  /** Whether its cookie has changed without its pages' knowledge. */
  isDisturbed = false
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

  /** Merges the cookies of an answer, in the order of arrival. */
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

  agree(isAgreed: boolean): void {
    this.receive({ cookies: [['consent', isAgreed ? '' : 'no']] })
  }

  /** Blocks cookies, or allows cookies again; in both cases, clears the cookie jar. */
  block(isBlocking: boolean): void {
    this.isBlocking = isBlocking
    this.isDisturbed = true
    this.#jar.clear()
    this.#write()
  }

  /** Stores a `who`, or removes it, as a script of the site may. */
  storeWho(who: string | undefined): void {
    if (who === this.surroundings.storedWho) return
    this.surroundings.storedWho = who
    this.tellStorage()
  }

  /** Lets a `storage` event wait in each page, except the page that has changed the storage. */
  tellStorage(by?: Tab): void {
    for (const tab of this.tabs) if (tab !== by) tab.isTold = true
  }

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

  tidy(): void {
    this.exchanges = this.exchanges.filter(({ state }) => state !== 'over')
  }
}
