import { connect, type Socket } from 'socket.io-client'
import { CookieJar } from 'tough-cookie'
import { Page, type PageOptions } from '../page/page.js'
import { TestSocket } from './socket.js'

/** A browser without a page: a cookie jar, requests, and sockets that bring the jar's cookies. */
export class Visitor {
  readonly url: string
  keepsCookies = true
  readonly jar = new CookieJar()
  readonly #sockets: Socket[] = []
  readonly #pages: Page[] = []
  #inFlight = 0

  constructor(url: string, cookie?: string) {
    this.url = url
    for (const pair of cookie?.split('; ') ?? []) this.jar.setCookieSync(`${pair}; Path=/`, url)
  }

  get cookie(): string {
    return this.jar.getCookieStringSync(this.url)
  }

  /** Whether a response is pending, which may bring another cookie. */
  get mustAsk(): boolean {
    return this.#inFlight > 0
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    if (this.cookie !== '') headers.set('cookie', this.cookie)
    this.#inFlight += 1
    try {
      const response = await fetch(new URL(path, this.url), { redirect: 'manual', ...init, headers })
      for (const cookie of this.keepsCookies ? response.headers.getSetCookie() : [])
        this.jar.setCookieSync(cookie, this.url)
      return response
    } finally {
      this.#inFlight -= 1
    }
  }

  /** Loses only the live cookie. */
  forget(): void {
    const others = this.cookie.split('; ').filter((pair) => !/^(live(\.sig)?=|$)/.test(pair))
    this.jar.removeAllCookiesSync()
    for (const pair of others) this.jar.setCookieSync(`${pair}; Path=/`, this.url)
  }

  async text(path: string): Promise<string> {
    return (await this.fetch(path)).text()
  }

  /** POSTs to the endpoint as a page of the same origin does. */
  async store(body: unknown = {}, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch('/store_session', {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: this.url, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  }

  /** Asks for its visitor, as a page does, and retries if postponed. */
  async ask(headers: Record<string, string> = {}): Promise<Response> {
    const answer = await this.store({}, headers)
    return answer.status === 202 ? this.store({}, headers) : answer
  }

  /** Opens a socket that records each received ticket; rejects if `connect_error` comes first. */
  async connect(
    namespace = '/',
    headers: Record<string, string> = {},
    auth: Record<string, unknown> = {},
  ): Promise<TestSocket> {
    const socket = connect(this.url + namespace, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      extraHeaders: { cookie: this.cookie, origin: this.url, ...headers },
      auth,
    })
    this.#sockets.push(socket)
    const opened = new TestSocket(socket)
    await opened.opened
    return opened
  }

  async open(options?: PageOptions): Promise<Page> {
    const page = await Page.open(this, options)
    this.#pages.push(page)
    return page
  }

  leave(): void {
    for (const page of this.#pages) page.close()
    for (const socket of this.#sockets) socket.disconnect()
  }
}
