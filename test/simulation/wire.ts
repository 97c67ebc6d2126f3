import { EXCHANGE, type PageAnswer, type PageMessage, type Refusal, STORE_SESSION } from '../../shared/protocol.js'
import type { ServerNode } from './deployment.js'
import { ServerSocket } from './fake-io.js'
import { fakeRequest } from './http.js'
import { identified } from './process.js'

/** Called for each operation of the server on a connection. */
export interface WireWatcher {
  greeted(wire: Wire): void
  refused(wire: Wire): void
  opens(wire: Wire): void
  sent(wire: Wire, ticket: string): void
  asked(wire: Wire, message: PageMessage): void
  answered(wire: Wire, message: PageMessage, answer: PageAnswer | Refusal): void
  closed(wire: Wire): void
}

interface Answered {
  readonly message: PageMessage
  readonly answer: PageAnswer | Refusal
}
export interface Packet {
  readonly event: string
  readonly args: readonly unknown[]
  /** Set for an acknowledgement. */
  readonly answered?: Answered | undefined
}
export interface Question extends Packet {
  /** ms until the page's timeout */
  readonly timeout: number
  readonly ack: (lost: Error | null, answer?: unknown) => void
}

interface Handle {
  inspect(): ReadonlyMap<string, { readonly stamp: number }>
  set(key: string, value: unknown): Promise<{ readonly stamp: number }>
}

let count = 0

/** A connection of a tab, whose packets wait for the schedule, in order. */
export class Wire {
  readonly node: ServerNode
  readonly cookies: string
  readonly user: () => string | undefined
  readonly subs: string[] = []
  readonly toTab: Packet[] = []
  readonly toServer: Question[] = []
  readonly open: Set<Question> = new Set()
  isOpen = false
  /** Whether the connection is dead, unknown to both ends, as after a change of networks. */
  isDead = false
  isClosedByServer = false
  isGreeted = false
  isHeard = false
  /** Whether a POST has told the page of another visitor, so the page ignores this connection. */
  isFormers = false
  browser: string | undefined
  /** Whether the handshake brought no cookie, so the subject is only the connection's. */
  isLocal = false
  #isLeft = false
  readonly #server: ServerSocket
  readonly #watcher: WireWatcher

  constructor(node: ServerNode, cookies: string, watcher: WireWatcher) {
    count += 1
    const request = fakeRequest('GET', '/socket.io/?transport=websocket', cookies, '', { upgrade: 'websocket' })
    this.node = node
    this.cookies = cookies
    this.user = () => identified.get(request)
    this.#watcher = watcher
    const send = (event: string, args: readonly unknown[]): void => {
      this.toTab.push({ event, args })
      if (event === STORE_SESSION) watcher.sent(this, String(args[0]))
    }
    this.#server = new ServerSocket(String(count), node.process.io.namespace, request, send, () =>
      this.#closed(!this.#isLeft),
    )
  }

  async greet(): Promise<Error | undefined> {
    const error = await this.node.process.io.namespace.check(this.#server)
    // socket.io reports no error of a closed connection.
    if (this.isClosedByServer || this.#isLeft) return undefined
    if (error) this.#watcher.refused(this)
    else this.#watcher.greeted(this)
    return error
  }

  enter(): void {
    this.isOpen = true
    this.toTab.push({ event: 'connect', args: [] })
    this.node.process.io.namespace.sockets.set(this.#server.id, this.#server)
    this.#watcher.opens(this)
    this.node.process.io.namespace.emit('connect', this.#server)
  }

  get handle(): ServerSocket & { readonly liveSession?: Handle } {
    return this.#server
  }

  deliverToServer(): void {
    const question = this.toServer.shift()
    if (!question || !this.isOpen || this.isClosedByServer) return
    const { event, args, ack } = question
    const [message] = event === EXCHANGE ? (args as readonly [PageMessage]) : []
    if (message) this.#watcher.asked(this, message)
    this.#server.hear(event, ...args, (answer: unknown) => {
      // A killed process answers nothing.
      if (!this.isOpen) return
      const answered = message && ({ message, answer } as Answered)
      if (answered) this.#watcher.answered(this, message, answered.answer)
      const heard = (): void => {
        if (this.open.delete(question)) ack(null, answer)
      }
      this.toTab.push({ event: 'ack', args: [heard], ...(this.open.has(question) ? { answered } : {}) })
    })
  }

  close(): void {
    this.#isLeft = true
    this.#server.conn.close()
  }

  #closed(isByServer: boolean): void {
    this.isClosedByServer ||= isByServer
    this.node.process.io.namespace.sockets.delete(this.#server.id)
    if (!this.isOpen) return
    this.isOpen = false
    this.#server.hear('disconnecting')
    this.#watcher.closed(this)
  }
}

export function isTaken(answer: PageAnswer | Refusal): answer is PageAnswer {
  return 'results' in answer
}
