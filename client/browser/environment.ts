// Translates socket and DOM events into events of the core, and runs the core's effects with browser APIs.

// Import only types, which cost no bytes: the strings are repeated below.
import type { EXCHANGE, PageAnswer, RECONNECT, Refusal, STORE_SESSION } from '../../shared/protocol.js'
import type { Dispatch, Effects, Environment, Event, TimerName } from '../core/events.js'
import type { Page } from '../core/page.js'
import type { PageSocket } from '../types.js'
import { embedded } from './embed.js'
import { attempt, createStorage } from './outbox-storage.js'
import type { CreatePoster, PostOptions } from './post.js'
import { createTabs } from './tabs.js'

/** The navigation entry of a page; not all browsers have `deliveryType`. */
interface NavigationEntry extends PerformanceEntry {
  readonly deliveryType?: string
}

/** The properties of the window's events; each event has only some of the properties. */
type WindowEvent = Partial<PageTransitionEvent & StorageEvent>

/** Creates a page's environment in a browser: the socket, POSTs, storage, other tabs and DOM events. */
export function createBrowserEnvironment(
  socket: PageSocket | undefined,
  options: PostOptions,
  createPoster: CreatePoster,
  dispatch: Dispatch,
  page: Pick<Page, 'timers' | 'html'>,
): Environment {
  const name = `live-session:${options.endpoint}`
  const storage = createStorage(name)
  const timers = createTimers((timer) => dispatch('timer', timer))
  const poster = createPoster(options, (posted) => dispatch('posted', posted))
  const on =
    (...event: Event) =>
    (): void =>
      dispatch(...event)
  const tabs = createTabs(name, on('lock'), (message) => dispatch('shared', message))
  const handlers = Object.entries({
    connect: on('connect'),
    disconnect: on('disconnect'),
    connect_error: ({ data }: { readonly data?: { readonly code?: string } }) =>
      dispatch('refused', data?.code, socket?.active),
    ['store_session' satisfies typeof STORE_SESSION]: (ticket: string) => dispatch('ticket', ticket),
    ['live_session:reconnect' satisfies typeof RECONNECT]: () => {
      // The server also sends this event at a sign-out, and the sign-out's response may be a page without our client.
      storage.who('')
      dispatch('reconnect')
    },
  })
  // Key presses and clicks are frequent: skip those while `renew` runs.
  const use = (): void => void (page.timers.has('renew') || dispatch('use'))
  const leave = (): void => {
    tabs.leave()
    dispatch('leave')
  }
  const come = (): void => {
    tabs.join()
    dispatch('return', storage.who())
  }
  const look = (): void => dispatch('look', storage.who())
  const events: readonly (readonly [string, (event: WindowEvent) => void])[] = Object.entries({
    keydown: use,
    pointerdown: use,
    online: on('wake'),
    // engine.io does not listen to `offline` if the host is `localhost`. If the server is reachable, the socket reconnects immediately.
    offline: on('reconnect'),
    beforeunload: on('unload'),
    pagehide: leave,
    // Leave before a freeze: a frozen page answers no other tab, and the browser may discard the page without another event.
    freeze: leave,
    resume: come,
    // `pageshow` also fires on load.
    pageshow: ({ persisted }) => persisted && come(),
    visibilitychange: look,
    // Ignore other items: frames with `keepTab` would answer each other's writes forever. Without a `key`, all items are gone.
    storage: ({ key, storageArea }) => (key ?? name) === name && storageArea === attempt(() => localStorage) && look(),
    // The HTML of a prerendered page may be old: only an answer names the visitor.
    prerenderingchange: on('return'),
  })
  const { document, MutationObserver } = globalThis
  const observer =
    MutationObserver &&
    new MutationObserver(() => {
      const text = embedded()
      if (text && text !== page.html) dispatch('html', text)
    })

  return {
    ...tabs,
    ...poster,
    ...storage,
    who: (who = '') => dispatch('look', storage.who(who)),
    restore: () => dispatch('restored', storage.drain()),
    send: (message, timeout) =>
      // `answer` is undefined after a timeout or a lost connection.
      socket
        ?.timeout(timeout)
        .emit(
          'live_session:exchange' satisfies typeof EXCHANGE,
          message,
          (_lost: Error | null, answer?: PageAnswer | Refusal) => dispatch('answered', message, answer),
        ),
    reconnect: () => socket?.disconnect().connect(),
    timer: timers.start,
    open: () => {
      for (const one of handlers) socket?.on(...one)
      if (socket?.connected) dispatch('connect')
      // Listen with capture, because a part of the page may stop the propagation.
      for (const one of events) globalThis.addEventListener?.(...one, true)
      observer?.observe(document, { childList: true, characterData: true, subtree: true })
      // Prefetched or cached HTML may show a former visitor, so ask for the current visitor. For fresh HTML, `deliveryType` is `''`.
      const entry: NavigationEntry | undefined = performance.getEntriesByType?.('navigation')[0]
      if (entry?.deliveryType) dispatch('return')
    },
    close: () => {
      timers.close()
      observer?.disconnect()
      for (const one of handlers) socket?.off(...one)
      tabs.leave()
      for (const one of events) globalThis.removeEventListener?.(...one, true)
    },
  }
}

export interface Timers {
  /** Starts a timer of `ms` plus a random part of `spread`, because many browsers lose a server at the same time. */
  start(...[name, ms, spread]: Effects['timer']): void
  close(): void
}

export function createTimers(onTime: (name: TimerName) => void): Timers {
  const timers = new Map<TimerName, ReturnType<typeof setTimeout>>()
  return {
    start: (name, ms, spread) => {
      clearTimeout(timers.get(name))
      const timer = setTimeout(() => onTime(name), ms + spread * Math.random())
      // Long timers must not keep a Node process alive. In browsers, timers are numbers without `unref`.
      if (name === 'renew' || name[0] === ':') timer.unref?.()
      timers.set(name, timer)
    },
    close: () => timers.forEach(clearTimeout),
  }
}
