import { createLiveSession, type LiveSessionClient, type LiveSessionClientOptions } from 'koa-live-session/client'
import { connect, type Socket } from 'socket.io-client'
import type { PageMessage } from '../../../shared/protocol.js'
import type { AppFields } from '../app/app.js'
import { awaited } from '../app/awaited.js'
import { present } from '../app/present.js'
import type { Visitor } from '../app/visitor.js'

type AppKey = 'division' | 'theme' | 'cart' | 'role'

/** The type of the socket.io packets that acknowledge an event. */
const ACK = 3

const visitors = new Map<string, Page>()
const { fetch: original } = globalThis

/** A page's HTTP requests carry its visitor's cookies, and can be held back or lost. */
globalThis.fetch = async (input, init) => {
  const name = new Headers(init?.headers).get('x-page')
  const page = name === null ? undefined : visitors.get(name)
  return page ? page.post(input, init) : original(input, init)
}

export interface PageOptions {
  /** @default true */
  readonly hasSocket?: boolean
  /** The path whose response is, or embeds, the snapshot; without a path the page is static. */
  readonly path?: string
  /** The socket's namespace. @default '/' */
  readonly namespace?: string
  /** The socket's transports. @default ['websocket'] */
  readonly transports?: readonly ('polling' | 'websocket')[]
  /** The endpoint as the browser sees it. @default '/store_session' */
  readonly endpoint?: string
  readonly credentials?: RequestCredentials
  readonly headers?: LiveSessionClientOptions<AppFields>['headers']
}

/** A visitor's page: the real client, with the real server. */
export class Page {
  readonly live: LiveSessionClient<AppFields>
  readonly visitor: Visitor
  /** Bodies of the page's POSTs, as they were sent. */
  readonly posts: PageMessage[] = []
  readonly requests: RequestInit[] = []
  /** Bodies of unanswered POSTs, which may still reach the server. */
  readonly unanswered: PageMessage[] = []
  /** Runs before a POST is sent; may reject to lose it. */
  beforePost: () => Promise<void> = async () => undefined
  /** Runs before the page gets the response; may reject to lose it. */
  beforeAnswer: (answer: Response) => Promise<void> = async () => undefined
  readonly #id: string = String(visitors.size)
  readonly #socket: Socket | undefined

  private constructor(visitor: Visitor, initial: unknown, options: PageOptions) {
    const { hasSocket = true, namespace = '/', transports = ['websocket'] } = options
    const { endpoint = '/store_session', credentials, headers = {} } = options
    this.visitor = visitor
    visitors.set(this.#id, this)
    this.#socket = hasSocket ? this.#connect(namespace, transports) : undefined
    this.live = createLiveSession<AppFields>({
      endpoint: new URL(endpoint, visitor.url).href,
      headers: () => ({
        'x-page': this.#id,
        origin: visitor.url,
        ...(typeof headers === 'function' ? headers() : headers),
      }),
      ...(credentials === undefined ? {} : { credentials }),
      ...(initial === undefined ? {} : { initial: initial as never }),
      ...(this.#socket ? { socket: this.#socket } : {}),
    })
  }

  static async open(visitor: Visitor, options: PageOptions = {}): Promise<Page> {
    const { path } = options
    const initial = path === undefined ? undefined : snapshotIn(await visitor.text(path))
    return new Page(visitor, initial, options)
  }

  /** @throws {Error} if the page was opened without a socket */
  get socket(): Socket {
    return present(this.#socket, 'a page with a socket')
  }

  async post(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
    const body: PageMessage = JSON.parse(String(init.body))
    this.posts.push(body)
    this.requests.push(init)
    await this.beforePost()
    const headers = new Headers(init.headers)
    headers.delete('x-page')
    const answer = await this.visitor.fetch(String(input), { ...init, headers }).catch((error: unknown) => {
      this.unanswered.push(body)
      throw error
    })
    await this.beforeAnswer(answer)
    return answer
  }

  /** Loses every POST, until the returned function is called. */
  cutPosts(): () => void {
    this.beforePost = async () => {
      throw new TypeError('fetch failed')
    }
    return () => {
      this.beforePost = async () => undefined
    }
  }

  /** Resolves when the socket has greeted the page. */
  connected(): Promise<void> {
    const greeted = new Promise<void>((resolve) => {
      const hear = ({ type }: { readonly type: number }): void => {
        if (type !== ACK) return
        this.socket.io.off('packet', hear)
        // After the page's own handler.
        setImmediate(resolve)
      }
      this.socket.io.on('packet', hear)
    })
    return awaited('the greeting of the page', greeted)
  }

  /** Reconnects with the browser's current cookies. */
  comeBack(): Promise<void> {
    this.socket.connect()
    return this.connected()
  }

  reaches(key: AppKey, status: string): Promise<void> {
    const reached = new Promise<void>((resolve) => {
      if (this.live.status(key).status === status) return resolve()
      const end = this.live.onStatus((changed, detail) => {
        if (changed !== key || detail.status !== status) return
        end()
        resolve()
      })
    })
    return awaited(`${key} to be ${status}`, reached)
  }

  shows(key: AppKey, value: unknown): Promise<void> {
    const shown = new Promise<void>((resolve) => {
      let end = (): void => undefined
      end = this.live.subscribe(key, (now) => {
        if (JSON.stringify(now) !== JSON.stringify(value)) return
        resolve()
        setImmediate(() => end())
      })
    })
    return awaited(`${key} to show ${JSON.stringify(value)}`, shown)
  }

  close(): void {
    this.live.close()
    this.#socket?.disconnect()
  }

  #connect(namespace: string, transports: readonly ('polling' | 'websocket')[]): Socket {
    const { url } = this.visitor
    const options = { transports: [...transports], forceNew: true, reconnectionDelay: 10, reconnectionDelayMax: 50 }
    const socket = connect(url + namespace, { ...options, autoConnect: false })
    // A browser sends its current cookies with each connection.
    const extraHeaders = { enumerable: true, get: () => ({ cookie: this.visitor.cookie, origin: url }) }
    Object.defineProperty(socket.io.opts, 'extraHeaders', extraHeaders)
    return socket.connect()
  }
}

function snapshotIn(text: string): unknown {
  return JSON.parse(/<script type="application\/json"[^>]*>(.*?)<\/script>/s.exec(text)?.[1] ?? text)
}
