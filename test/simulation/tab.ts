import { createLiveSession, type LiveSessionClient } from 'koa-live-session/client'
import type { Fields } from 'koa-live-session/fields'
import type { Socket } from 'socket.io-client'
import type { TabMessage } from '../../client/core/events.js'
import type { Page } from '../../client/core/page.js'
import { internalsOf } from '../../client/internals.js'
import { pages } from '../../client/live-session.js'
import type { JsonValue } from '../../shared/json.js'
import type { AnySnapshot, PageMessage } from '../../shared/protocol.js'
import type { Browser } from './browser.js'
import type { FakeResponse } from './http.js'
import type { Values } from './page-changes.js'
import { recorded, scriptOf } from './recorder.js'
import { type Channel, STORED_WHO, within } from './surroundings.js'
import { TabSocket } from './tab-socket.js'
import { note } from './tally.js'

const tabs = new Map<string, Tab>()
const { fetch: realFetch } = globalThis
let count = 0
let moment = 0

/** Restarts the numbers of tabs, so a repeated schedule gives the same names. */
export function resetTabs(): void {
  count = 0
  tabs.clear()
}

/** Whether a page has a socket, and connects at once. */
export type Link = 'connected' | 'unconnected' | 'none'

export interface TabWatcher {
  settled(tab: Tab, key: string, value: JsonValue | undefined, code: string | undefined): void
  asks(tab: Tab, message: PageMessage): void
  /** Called with an event by which the page sees the stored `who`. */
  looks(tab: Tab, isReturn: boolean, see: () => void): void
}

/** A page with the real client. The schedule delivers its requests and packets. */
export class Tab {
  readonly browser: Browser
  readonly id: string
  readonly link: Link
  readonly socket: TabSocket
  readonly live: LiveSessionClient<Fields>
  readonly page: Readonly<Page>
  readonly script: () => string
  readonly renewals: () => number
  isReady = false
  isHidden = false
  /** Whether a `storage` event waits. */
  isTold = false
  /** The stored `who` that the page has seen or stored last. */
  seenWho: string | undefined
  visitors = 0
  readonly pending: Map<string, string> = new Map<string, string>()
  #channel: Channel | undefined
  /** Logical times; `leftAt` is `Infinity` while the page is open. */
  readonly openedAt: number = tick()
  leftAt: number = Number.POSITIVE_INFINITY
  readonly #listeners = new Map<string, (event: object) => void>()
  readonly #watcher: TabWatcher
  readonly #storage: object

  constructor(browser: Browser, snapshot: AnySnapshot | undefined, link: Link, watcher: TabWatcher) {
    count += 1
    this.browser = browser
    this.id = String(count)
    this.link = link
    this.#watcher = watcher
    this.socket = new TabSocket(
      (message) => watcher.asks(this, message),
      (wire) => browser.adrift.push(wire),
    )
    this.#storage = browser.surroundings.storageOf((isChange, who = this.seenWho) => {
      this.seenWho = who
      if (isChange) browser.tellStorage(this)
    })
    tabs.set(this.id, this)
    browser.tabs.push(this)
    // Each tab has a document of its own.
    pages.clear()
    const [live, log] = recorded(() =>
      this.#within(() =>
        createLiveSession<Fields>({
          headers: { 'x-tab': this.id },
          ...(link === 'none' ? {} : { socket: this.socket as unknown as Socket }),
          ...(snapshot ? { initial: snapshot as never } : {}),
        }),
      ),
    )
    this.live = live
    this.page = internalsOf(live as never).page
    this.renewals = () => log.renewals
    this.script = () => scriptOf(log, snapshot, link !== 'none')
    this.live.onVisitor(() => {
      this.visitors += 1
    })
    void this.live.ready.then(() => {
      this.isReady = true
    })
    if (link === 'connected') this.socket.connect()
  }

  get(key: string): JsonValue | undefined {
    return this.live.get(key) as JsonValue | undefined
  }

  change(key: string, value: JsonValue | undefined): void {
    // A change follows a click.
    this.#listeners.get('pointerdown')?.({})
    const text = JSON.stringify(value) ?? 'nothing'
    this.pending.set(key, text)
    const settle = (code: string | undefined): void => {
      // A later change of the key has replaced this change.
      if (this.pending.get(key) !== text) return
      this.pending.delete(key)
      this.#watcher.settled(this, key, value, code)
    }
    hear(value === undefined ? this.live.delete(key as never) : this.live.set(key as never, value as never), settle)
  }

  /** Sets several values in a single call. If the call is superseded, some of its values may stay. */
  changeTogether(values: Values): void {
    this.#listeners.get('pointerdown')?.({})
    for (const [key, value] of values) this.pending.set(key, JSON.stringify(value))
    const settle = (code: string | undefined): void => {
      note(`what was set together is ${code ?? 'saved'}`)
      for (const [key, value] of values) {
        if (this.pending.get(key) !== JSON.stringify(value)) continue
        this.pending.delete(key)
        if (code !== 'superseded') this.#watcher.settled(this, key, value, code)
      }
    }
    hear(this.live.setMany(Object.fromEntries(values) as never), settle)
  }

  add(key: string, item: number): void {
    const name = `${key} + ${item}`
    this.pending.set(name, 'added')
    const settle = (code: string | undefined): void => {
      note(`what is added is ${code ?? 'saved'}`)
      this.pending.delete(name)
      this.#watcher.settled(this, key, [item], code)
    }
    hear(
      this.live.update(key as never, (list) => [...(list as readonly JsonValue[]), item] as never),
      settle,
    )
  }

  /** An aborted POST may still arrive. */
  post(body: string, signal?: AbortSignal | null): Promise<Response> {
    this.#watcher.asks(this, JSON.parse(body))
    return new Promise((resolve, reject) => {
      const onAnswer = (response: FakeResponse | undefined): void => {
        if (response) resolve(asFetched(response))
        else reject(new TypeError('lost'))
      }
      const outgoing = { body, onAnswer, tab: this, isParting: !signal }
      const exchange = this.browser.send({ method: 'POST', url: '/store_session', ...outgoing })
      signal?.addEventListener('abort', () => {
        exchange.isAborted = true
        note('a page gives a POST up')
        reject(new TypeError('given up'))
      })
    })
  }

  message(): TabMessage | undefined {
    return this.#channel?.inbox[0]
  }

  hearNews(): void {
    const data = this.#channel?.inbox.shift()
    if (data) this.#channel?.onmessage({ data })
  }

  hide(isAdrift = false): void {
    this.isHidden = true
    this.leftAt = tick()
    this.#listeners.get('pagehide')?.({})
    this.#see('visibilitychange')
    if (isAdrift) this.#setAdrift()
    if (this.socket.state !== 'off') this.socket.drop()
  }

  /** @param isResumed whether the browser resumes a frozen page, instead of restoring the page from the back/forward cache */
  show(isResumed = false): void {
    this.isHidden = false
    this.leftAt = Number.POSITIVE_INFINITY
    if (isResumed) this.#see('resume')
    this.#see('visibilitychange')
    if (!isResumed) this.#see('pageshow')
  }

  /** Fires the waiting `storage` event; returns whether there was any. */
  hearStorage(): boolean {
    if (!this.isTold || this.isHidden) return false
    this.isTold = false
    this.#see('storage')
    return true
  }

  /** Fires the event of a tab that the visitor shows or hides. */
  look(): void {
    if (!this.isHidden) this.#see('visibilitychange')
  }

  #see(event: 'storage' | 'visibilitychange' | 'pageshow' | 'resume'): void {
    this.#watcher.looks(this, event === 'pageshow' || event === 'resume', () => {
      this.seenWho = this.browser.surroundings.storedWho
      const init = { persisted: true, key: STORED_WHO, storageArea: this.#storage }
      this.#within(() => this.#listeners.get(event)?.(init))
    })
  }

  /** @param isAdrift whether its packets in flight arrive later */
  close(isAdrift = false): void {
    this.#listeners.get('pagehide')?.({})
    this.crash(isAdrift)
  }

  crash(isAdrift = false): void {
    this.leftAt = Math.min(this.leftAt, tick())
    this.live.close()
    if (isAdrift) this.#setAdrift()
    this.socket.disconnect()
    tabs.delete(this.id)
    this.browser.tabs.splice(this.browser.tabs.indexOf(this), 1)
  }

  #setAdrift(): void {
    const wire = this.socket.abandon()
    if (wire) this.browser.adrift.push(wire)
  }

  #within<T>(act: () => T): T {
    const onChannel = (channel: Channel): void => {
      this.#channel = channel
    }
    const { surroundings } = this.browser
    return within({ surroundings, localStorage: this.#storage, listeners: this.#listeners, onChannel }, act)
  }
}

/** Reports the outcome of a change: undefined if saved, or the code of its refusal. */
function hear(done: Promise<void>, settle: (code: string | undefined) => void): void {
  done.then(
    () => settle(undefined),
    (error: { readonly code: string }) => settle(error.code),
  )
}

function tick(): number {
  moment += 1
  return moment
}

function asFetched({ statusCode, body }: FakeResponse): Response {
  const headers = { get: () => null }
  const answer = { status: statusCode, ok: statusCode === 200, headers, json: async () => JSON.parse(body) }
  return answer as unknown as Response
}

/** Makes POSTs of pages wait in their browsers; returns a function that undoes it. */
export function installFetch(): () => void {
  globalThis.fetch = async (input, init) => {
    const headers = (init?.headers ?? {}) as Readonly<Record<string, string>>
    const name = headers['x-tab']
    const tab = name === undefined ? undefined : tabs.get(name)
    return tab ? tab.post(String(init?.body), init?.signal) : realFetch(input, init)
  }
  return () => {
    globalThis.fetch = realFetch
  }
}
