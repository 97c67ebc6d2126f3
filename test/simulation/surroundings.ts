import type { TabMessage } from '../../client/core/events.js'
import { DEFAULT_ENDPOINT } from '../../shared/protocol.js'
import { createLocalStorage } from '../support/page/local-storage.js'

type Act = (lock: object | null) => Promise<unknown>

/** The item with the `who` that a page has proved. */
export const STORED_WHO: string = `live-session:${DEFAULT_ENDPOINT}`

/** The objects shared by a browser's pages, besides cookies. */
export class Surroundings {
  readonly #items = createLocalStorage()
  readonly channels: Set<Channel> = new Set()
  /** Has no locks in some schedules, as over http. */
  readonly navigator: { readonly locks?: Locks }

  constructor(hasLocks: boolean) {
    this.navigator = hasLocks ? { locks: new Locks() } : {}
  }

  get storedWho(): string | undefined {
    return this.#items.getItem(STORED_WHO) ?? undefined
  }

  set storedWho(who: string | undefined) {
    if (who === undefined) this.#items.removeItem(STORED_WHO)
    else this.#items.setItem(STORED_WHO, who)
  }

  /** Returns the `localStorage` of a page. @param onWrite called when the page has stored or removed an item */
  storageOf(onWrite: (isChange: boolean, who?: string) => void): object {
    const change =
      (method: 'setItem' | 'removeItem') =>
      (item: string, text = ''): void => {
        const before = this.#items.getItem(item)
        this.#items[method](item, text)
        onWrite(this.#items.getItem(item) !== before, item === STORED_WHO && text !== '' ? text : undefined)
      }
    const methods = { setItem: change('setItem'), removeItem: change('removeItem') }
    return new Proxy(this.#items, {
      get: (items, name) => Reflect.get(Object.hasOwn(methods, name) ? methods : items, name),
    })
  }
}

/** A BroadcastChannel whose messages wait for the schedule. */
export class Channel {
  onmessage: (event: { readonly data: TabMessage }) => void = () => undefined
  readonly inbox: TabMessage[] = []
  readonly #channels: Set<Channel>

  constructor() {
    this.#channels = present.surroundings.channels
    this.#channels.add(this)
    present.onChannel(this)
  }

  postMessage(message: TabMessage): void {
    for (const channel of this.#channels) if (channel !== this) channel.inbox.push(JSON.parse(JSON.stringify(message)))
  }

  close(): void {
    this.#channels.delete(this)
    this.inbox.length = 0
  }
}

interface LockOptions {
  readonly signal?: AbortSignal
  readonly ifAvailable?: boolean
}

class Locks {
  readonly #queue: (() => Promise<unknown>)[] = []

  request(_name: string, { signal, ifAvailable }: LockOptions, act: Act): Promise<unknown> {
    if (ifAvailable && this.#queue[0]) return act(null)
    return new Promise((resolve, reject) => {
      const begin = (): Promise<unknown> => act({}).then(resolve, reject)
      signal?.addEventListener('abort', () => {
        const at = this.#queue.indexOf(begin)
        if (at <= 0) return
        this.#queue.splice(at, 1)
        reject(new Error('aborted'))
      })
      if (this.#queue.push(begin) === 1) void this.#run()
    })
  }

  async #run(): Promise<void> {
    for (let act = this.#queue[0]; act; act = this.#queue[0]) {
      await act()
      this.#queue.shift()
    }
  }
}

/** The page being opened, with its browser's objects. */
interface Present {
  readonly surroundings: Surroundings
  readonly localStorage: object
  readonly listeners: Map<string, (event: object) => void>
  onChannel(channel: Channel): void
}

let present: Present = {
  surroundings: new Surroundings(false),
  localStorage: {},
  listeners: new Map(),
  onChannel: () => undefined,
}

export function within<T>(page: Present, create: () => T): T {
  present = page
  return create()
}

/** Installs a browser's globals; returns a function to remove them. */
export function installSurroundings(): () => void {
  const globals: PropertyDescriptorMap = {
    document: { value: { querySelectorAll: () => [] } },
    location: { value: new URL('http://localhost/') },
    localStorage: { get: () => present.localStorage },
    navigator: { get: () => present.surroundings.navigator },
    BroadcastChannel: { value: Channel },
    addEventListener: {
      value: (event: string, listener: (event: object) => void) => present.listeners.set(event, listener),
    },
    removeEventListener: { value: () => undefined },
  }
  const before = Object.keys(globals).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const)
  for (const [name, descriptor] of Object.entries(globals))
    Object.defineProperty(globalThis, name, { ...descriptor, configurable: true })
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor)
      else Reflect.deleteProperty(globalThis, name)
    }
  }
}
