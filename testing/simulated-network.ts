// Simulates the socket and POSTs between a test's page and its server.

import type { CreateEnvironment, Dispatch, Posted } from '../client/core/events.js'
import { after } from '../shared/promise.js'
import type { PageServer } from './page-server.js'

/** The simulated network between a page and its server: takes no time, and can be cut. */
export interface SimulatedNetwork {
  readonly createEnvironment: CreateEnvironment
  /** All sent changes. */
  readonly sent: readonly (readonly [key: string, value: unknown])[]
  cut(): void
  mend(): void
  /** Sends a ticket from the server to the page, if connected. */
  broadcast(ticket: string): void
}

export function simulateNetwork(server: PageServer): SimulatedNetwork {
  const sent: (readonly [key: string, value: unknown])[] = []
  let dispatch: Dispatch = () => undefined
  /** Undefined while the network is cut. Messages in flight over an earlier connection are lost. */
  let connection: object | undefined = {}

  /** Whether the next message is the connection's first. */
  let isNew = true
  let post: object = {}
  /** A function for each message in flight, to report its loss if the network is cut. */
  const open = new Set<() => void>()

  const carry = (arrive: () => unknown, lose: () => void): void => {
    const over = connection
    void soon(() => (over && over === connection ? arrive() : lose()))
  }
  const connect = (): void => {
    if (!connection) return
    isNew = true
    dispatch('connect')
  }
  const nothing = (): void => undefined

  return {
    sent,
    createEnvironment: (say) => {
      dispatch = say
      return {
        open: connect,
        send: (message) => {
          for (const [key, , , value] of message.set ?? []) sent.push([key, value])
          const isFirst = isNew
          isNew = false
          const lose = (): void => dispatch('answered', message, undefined)
          open.add(lose)
          carry(
            () =>
              open.delete(lose) &&
              after(server.exchange(message, isFirst), (answer) => dispatch('answered', message, answer)),
            () => undefined,
          )
        },
        post: (message) => {
          const own = {}
          post = own
          const end = (posted: Posted): void => {
            if (post === own) dispatch('posted', posted)
          }
          carry(
            () =>
              after(server.post(message), (answer) => {
                end({ wait: 0, answer: 'results' in answer ? answer : undefined })
              }),
            () => end({ wait: 0 }),
          )
        },
        // Skip `renew`: no test lasts that long. While connected, skip `greet`: the answer comes first. While cut, skip `postPause`: `mend`
        // retries.
        timer: (name) => {
          if (name !== 'renew' && name !== (connection ? 'greet' : 'postPause'))
            void soon(() => dispatch('timer', name))
        },
        abort: () => {
          post = {}
        },
        reconnect: () => void soon(connect),
        queue: () => dispatch('lock'),
        restore: () => dispatch('restored', []),
        // No other tabs, pages or visitors exist, and the server keeps everything.
        save: nothing,
        share: nothing,
        who: nothing,
        release: nothing,
        close: nothing,
      }
    },
    cut: () => {
      if (!connection) return
      connection = undefined
      dispatch('disconnect')
      dispatch('timer', 'greet')
      // As in socket.io, no answer arrives over a later connection.
      for (const lose of open) lose()
      open.clear()
    },
    mend: () => {
      if (connection) return
      connection = {}
      connect()
    },
    broadcast: (ticket) => {
      if (connection) dispatch('ticket', ticket)
    },
  }
}

/** Calls `act` in a microtask. Timers and `queueMicrotask` would hang under the fake clocks of test runners. */
function soon(act: () => unknown): Promise<unknown> {
  return Promise.resolve().then(act)
}
