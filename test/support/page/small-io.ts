// Stands in for `socket.io-client` in the pages of the project `small-socket`: the small socket, with the members that only the example app
// uses.
import { connect as open, type SocketOptions } from '../../../client/socket.js'

type Values = readonly unknown[]
type Listener = (...values: never[]) => void

/** Takes what `io()` takes. The small socket ignores the options that it does not have. */
export function io(...given: readonly (string | SocketOptions)[]) {
  const [url, options = {}] = typeof given[0] === 'string' ? given : [undefined, ...given]
  const where = url === undefined ? {} : { url: new URL(String(url), location.href).href }
  const socket = open({ ...where, ...(options as SocketOptions) })
  const { emit, timeout: limit } = socket
  const outgoing: Listener[] = []
  let isLimited = false
  return Object.assign(socket, {
    timeout: (ms: number) => {
      isLimited = true
      return limit(ms)
    },
    emit: (event: string, ...values: Values) => {
      isLimited = false
      for (const listener of outgoing) listener(...([event, ...values] as never[]))
      return emit(event, ...values)
    },
    emitWithAck: (event: string, ...values: Values) =>
      new Promise((resolve, reject) => {
        const hasError = isLimited
        socket.emit(event, ...values, (...answer: Values) => {
          const [error, value] = hasError ? answer : [null, ...answer]
          if (error) reject(error)
          else resolve(value)
        })
      }),
    onAnyOutgoing: (listener: Listener) => void outgoing.push(listener),
    io: { engine: { on: () => undefined, close: () => socket.disconnect().connect() } },
  })
}
