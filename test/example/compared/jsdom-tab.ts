import { EventEmitter, once } from 'node:events'
import { type CookieJar, type DOMWindow, JSDOM, VirtualConsole } from 'jsdom'
import { within } from '../../support/app/within.js'
import type { FaultProxy } from '../../support/servers/fault-proxy.js'

/** Start of socket.io's answer to a handshake. */
const CONNECTED = '40{'

export type Choice = Readonly<Record<string, string>>

/** A tab with a whole page: HTML, script, socket and POSTs, over a network that can fail, with its browser's cookies. */
export class JsdomTab {
  readonly network: FaultProxy
  /** The node of the tab's requests. */
  node: number
  readonly #jar: CookieJar
  readonly #sockets = new EventEmitter()
  #window: DOMWindow | undefined

  constructor(network: FaultProxy, jar: CookieJar, node: number) {
    this.network = network
    this.#jar = jar
    this.node = node
  }

  /** Loads the page, and waits for its socket. */
  async load(): Promise<void> {
    this.close()
    const isConnected = this.socket('connected')
    const { window } = await JSDOM.fromURL(this.network.url, {
      cookieJar: this.#jar,
      runScripts: 'dangerously',
      resources: 'usable',
      virtualConsole: new VirtualConsole(),
      beforeParse: (window) => this.#equip(window),
    })
    this.#window = window
    await isConnected
  }

  close(): void {
    this.#window?.close()
    this.#window = undefined
  }

  /** Returns the initial values of the next page, and its kind of visitor. */
  async next(): Promise<Choice> {
    const { document } = new JSDOM(await (await this.#fetch('/')).text()).window
    return { ...choiceIn(document), of: document.querySelector('[action="/sign-out"]') ? 'user' : 'guest' }
  }

  get shown(): Choice {
    return this.#window ? choiceIn(this.#window.document) : {}
  }

  get status(): string {
    return this.#window?.document.querySelector('[role=status]')?.textContent ?? ''
  }

  async until(isSo: (tab: this) => boolean): Promise<void> {
    if (await within(async () => isSo(this), Boolean)) return
    throw new Error(`${isSo} is not so of ${JSON.stringify(this.shown)}, ${this.status}`)
  }

  /** Chooses values as a person does. */
  choose(choice: Choice): void {
    const window = this.#window
    for (const [key, value] of Object.entries(choice)) {
      const select = window?.document.querySelector<HTMLSelectElement>(`[name=${key}]`)
      if (!window || !select) throw new Error(`no select "${key}"`)
      window.document.querySelector('[role=status]')?.replaceChildren()
      select.value = value
      select.dispatchEvent(new window.Event('change'))
    }
  }

  /** Resolves at the next event of this kind of the tab's socket. */
  async socket(event: 'open' | 'connected' | 'close'): Promise<void> {
    await once(this.#sockets, event)
  }

  /** Makes a choice, and waits for its save. */
  async save(choice: Choice): Promise<void> {
    this.choose(choice)
    await this.until(({ status }) => status === 'saved')
  }

  /** Sends a form. Resolves with a function that lets the response arrive, with its cookies. */
  async send(path: string, form: Choice = {}): Promise<() => void> {
    const answer = await fetch(new URL(path, this.network.url), {
      ...this.#own({ method: 'POST', body: new URLSearchParams(form) }),
      redirect: 'manual',
    })
    if (answer.status !== 302) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return () => this.#keep(answer)
  }

  async signIn(user: string): Promise<void> {
    const arrive = await this.send('/sign-in', { user })
    arrive()
    await this.load()
  }

  /** Adds missing browser features, and socket events for tests. */
  #equip(window: DOMWindow): void {
    const sockets = this.#sockets
    class WebSocket extends window.WebSocket {
      constructor(...args: ConstructorParameters<typeof window.WebSocket>) {
        super(...args)
        for (const event of ['open', 'close']) this.addEventListener(event, () => sockets.emit(event))
        this.addEventListener('message', ({ data }) => String(data).startsWith(CONNECTED) && sockets.emit('connected'))
      }
    }
    Object.assign(window, { fetch: this.#fetch, AbortController, AbortSignal, Headers, WebSocket })
  }

  readonly #fetch = async (to: string, init: RequestInit = {}): Promise<Response> => {
    const answer = await fetch(new URL(to, this.network.url), this.#own(init))
    this.#keep(answer)
    return answer
  }

  #own(init: RequestInit): RequestInit {
    const { url } = this.network
    const headers = new Headers(init.headers)
    headers.set('cookie', this.#jar.getCookieStringSync(url))
    headers.set('origin', url)
    return { ...init, headers }
  }

  #keep(answer: Response): void {
    for (const cookie of answer.headers.getSetCookie()) this.#jar.setCookieSync(cookie, this.network.url)
  }
}

function choiceIn(document: Document): Choice {
  return Object.fromEntries([...document.querySelectorAll('select')].map(({ name, value }) => [name, value]))
}
