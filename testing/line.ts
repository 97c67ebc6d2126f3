import type { Posted } from '../client/core/messages.js'
import type { Dispatch, Surround } from '../client/surroundings.js'
import { after } from '../shared/promise.js'
import type { Answered, PageServer } from './page-server.js'

/** What is between a page and its server: nothing takes any time on it, and it can be cut. */
export interface Line {
  readonly surround: Surround
  /** Each change that has gone out. */
  readonly sent: readonly (readonly [key: string, value: unknown])[]
  cut(): void
  mend(): void
  /** The server tells the page something, where it can. */
  tell(ticket: string): void
}

export function createLine(server: PageServer): Line {
  const sent: (readonly [key: string, value: unknown])[] = []
  let dispatch: Dispatch = () => undefined
  /** None where the line is cut. What was on its way over another one does not arrive. */
  let connection: object | undefined = {}

  /** Whether the server has been asked over it. */
  let isNew = true
  let post: object = {}

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
    surround: (say) => {
      dispatch = say
      return {
        open: connect,
        send: (sync) => {
          for (const [key, , , value] of sync.set ?? []) sent.push([key, value])
          const hear = ({ ticket, answer }: Answered): void => {
            if (ticket !== undefined) dispatch('ticket', ticket)
            dispatch('synced', sync, answer)
          }
          const isFirst = isNew
          isNew = false
          carry(
            () => after(server.sync(sync, isFirst), hear),
            () => dispatch('synced', sync, undefined),
          )
        },
        post: (sync) => {
          const own = {}
          post = own
          const end = (posted: Posted): void => {
            if (post === own) dispatch('posted', posted)
          }
          carry(
            () =>
              after(server.post(sync), (answer) => {
                end({ status: 200, wait: 0, answer: 'results' in answer ? answer : undefined })
              }),
            () => end({ status: 0, wait: 0 }),
          )
        },
        // What did not arrive is sent again when the line is there again.
        timer: (name) =>
          name !== 'greet' && (connection || name !== 'post') && void soon(() => dispatch('timer', name)),
        release: () => {
          post = {}
        },
        reconnect: () => void soon(connect),
        queue: () => dispatch('turn'),
        take: () => dispatch('restored', []),
        // There is no other tab, page or visitor, and the server forgets nothing.
        keep: nothing,
        tell: nothing,
        close: nothing,
      }
    },
    cut: () => {
      if (!connection) return
      connection = undefined
      dispatch('disconnect')
    },
    mend: () => {
      if (connection) return
      connection = {}
      connect()
    },
    tell: (ticket) => {
      if (connection) dispatch('ticket', ticket)
    },
  }
}

/** Not by a timer, nor `queueMicrotask`: the clocks that runners put in their place stand still. */
function soon(act: () => unknown): Promise<unknown> {
  return Promise.resolve().then(act)
}
