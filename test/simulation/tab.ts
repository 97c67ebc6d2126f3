import { createLiveSession, type LiveSessionClient } from 'koa-live-session/client'
import type { Fields } from 'koa-live-session/fields'
import type { Socket } from 'socket.io-client'
import type { JsonValue } from '../../shared/json.js'
import type { AnySnapshot } from '../../shared/protocol.js'
import type { Browser } from './browser.js'
import type { FakeResponse } from './http.js'
import { TabSocket } from './tab-socket.js'

const tabs = new Map<string, Tab>()
const { fetch: realFetch } = globalThis
let count = 0

/** What became of a change that the page asked for. */
export type Outcome = (key: string, value: JsonValue | undefined, code: string | undefined) => void

/** A page with the real client. Its requests leave, and its packets arrive, when the schedule says so. */
export class Tab {
  readonly browser: Browser
  readonly id: string
  readonly socket: TabSocket = new TabSocket()
  readonly live: LiveSessionClient<Fields>
  /** The subjects that the page was last told it is of. */
  subs: readonly string[]
  isReady = false
  /** A change of its has gone to another subject's session, or another epoch: the client cannot tell what became of it. */
  hasStrayed = false
  /** The latest change of each key that is neither saved nor given up. */
  readonly drafts: Map<string, string> = new Map<string, string>()
  readonly #onOutcome: (tab: Tab, ...outcome: Parameters<Outcome>) => void

  constructor(
    browser: Browser,
    snapshot: AnySnapshot | undefined,
    hasSocket: boolean,
    onOutcome: (tab: Tab, ...outcome: Parameters<Outcome>) => void,
  ) {
    count += 1
    this.browser = browser
    this.id = String(count)
    this.#onOutcome = onOutcome
    this.subs = snapshot ? [snapshot.subject, ...(snapshot.browser === undefined ? [] : [snapshot.browser])] : []
    tabs.set(this.id, this)
    this.live = createLiveSession<Fields>({
      socket: this.socket as unknown as Socket,
      headers: { 'x-tab': this.id },
      ...(snapshot ? { initial: snapshot as never } : {}),
    })
    void this.live.ready.then(() => {
      this.isReady = true
    })
    if (hasSocket) this.socket.connect()
    browser.tabs.push(this)
  }

  /** What the page shows. */
  get(key: string): JsonValue | undefined {
    return this.live.get(key) as JsonValue | undefined
  }

  change(key: string, value: JsonValue | undefined): void {
    const draft = JSON.stringify(value) ?? 'nothing'
    this.drafts.set(key, draft)
    const settle = (code: string | undefined): void => {
      // One that a later change of the key stands for has no stamp of its own to be judged by.
      if (this.drafts.get(key) !== draft) return
      this.drafts.delete(key)
      this.#onOutcome(this, key, value, code)
    }
    const done = value === undefined ? this.live.delete(key as never) : this.live.set(key as never, value as never)
    done.then(
      () => settle(undefined),
      (error: { readonly code: string }) => settle(error.code),
    )
  }

  /** One that the page gives up goes on: it may arrive all the same. */
  post(body: string, signal?: AbortSignal | null): Promise<Response> {
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new TypeError('given up')))
      const onAnswer = (response: FakeResponse | undefined): void => {
        if (response) resolve(asFetched(response))
        else reject(new TypeError('lost'))
      }
      this.browser.send({ method: 'POST', url: '/store_session', body, onAnswer, tab: this })
    })
  }

  close(): void {
    this.live.close()
    this.socket.disconnect()
    tabs.delete(this.id)
    this.browser.tabs.splice(this.browser.tabs.indexOf(this), 1)
  }
}

function asFetched({ statusCode, body }: FakeResponse): Response {
  const headers = { get: () => null }
  const answer = { status: statusCode, ok: statusCode === 200, headers, json: async () => JSON.parse(body) }
  return answer as unknown as Response
}

/** Has what a page POSTs wait with its browser; what is returned undoes it. */
export function installFetch(): () => void {
  globalThis.fetch = async (input, init) => {
    const headers = (init?.headers ?? {}) as Readonly<Record<string, string>>
    const tab = tabs.get(headers['x-tab'] ?? '')
    return tab ? tab.post(String(init?.body), init?.signal) : realFetch(input, init)
  }
  return () => {
    globalThis.fetch = realFetch
  }
}
