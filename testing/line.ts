import type { Runner, Surround } from '../client/runner.js'
import { after } from '../shared/promise.js'
import type { PageServer, Taken } from './page-server.js'

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
  let dispatch: Runner['dispatch'] = () => undefined
  /** None where the line is cut. What was on its way over another one does not arrive. */
  let connection: object | undefined = {}

  const carry = (arrive: () => unknown, lose: () => void): void => {
    const over = connection
    void soon(() => (over && over === connection ? arrive() : lose()))
  }
  const greet = (): void => {
    dispatch(['connect'])
    dispatch(['ticket', server.greeting()])
  }
  const nothing = (): void => undefined

  return {
    sent,
    surround: (say) => {
      dispatch = say
      return {
        open: greet,
        send: (change) => {
          const [key, , value] = change
          sent.push([key, value])
          const hear = ({ ticket, answer }: Taken): void => {
            if (ticket !== undefined) dispatch(['ticket', ticket])
            dispatch(['answer', key, answer])
          }
          carry(
            () => after(server.take(change), hear),
            () => dispatch(['answer', key, undefined]),
          )
        },
        post: () =>
          carry(
            () => dispatch(['posted', { status: 200, wait: 0, answer: server.post() }]),
            () => dispatch(['posted', { status: 0, wait: 0 }]),
          ),
        // What did not arrive is sent again when the line is there again.
        timer: (name) => name !== 'post' && void soon(() => dispatch(['timer', name])),
        queue: () => dispatch(['turn']),
        take: () => dispatch(['restored', new Map()]),
        // There is no other tab, page or visitor, and the server forgets nothing.
        abort: nothing,
        keep: nothing,
        offer: nothing,
        postLast: nothing,
        reconnect: nothing,
        release: nothing,
        tell: nothing,
        warn: nothing,
        close: nothing,
      }
    },
    cut: () => {
      if (!connection) return
      connection = undefined
      dispatch(['disconnect'])
    },
    mend: () => {
      if (connection) return
      connection = {}
      greet()
    },
    tell: (ticket) => {
      if (connection) dispatch(['ticket', ticket])
    },
  }
}

/** Not by a timer, nor `queueMicrotask`: the clocks that runners put in their place stand still. */
function soon(act: () => unknown): Promise<unknown> {
  return Promise.resolve().then(act)
}
