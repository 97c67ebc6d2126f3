import { type Refusal, STORE_SESSION, SYNC, type Sync, type SyncAnswer } from '../../shared/protocol.js'
import { ServerSocket } from './fake-io.js'
import { fakeRequest } from './http.js'
import { identified } from './process.js'
import type { ServerNode } from './server-node.js'

/** Who is told what the server does over a wire, at the moment it does it. */
export interface WireWatcher {
  greeted(wire: Wire): void
  refused(wire: Wire): void
  opens(wire: Wire): void
  sent(wire: Wire, ticket: string): void
  asked(wire: Wire, sync: Sync): void
  answered(wire: Wire, sync: Sync, answer: SyncAnswer | Refusal): void
  closed(wire: Wire): void
}

/** What came of what a page has said. */
interface Answered {
  readonly sync: Sync
  readonly answer: SyncAnswer | Refusal
}
export interface Packet {
  readonly event: string
  readonly args: readonly unknown[]
  /** Of an answer. */
  readonly answered?: Answered | undefined
}
export interface Question extends Packet {
  /** ms after which the page takes it for lost. */
  readonly patience: number
  readonly ack: (lost: Error | null, answer?: unknown) => void
}

interface Handle {
  inspect(): ReadonlyMap<string, { readonly stamp: number }>
  set(key: string, value: unknown): Promise<{ readonly stamp: number }>
}

let count = 0

/** One connection of a tab: packets wait here until the schedule delivers them, each way in their order. */
export class Wire {
  readonly node: ServerNode
  readonly cookies: string
  readonly user: () => string | undefined
  /** The subjects that it is of, as far as they are known. */
  readonly subs: string[] = []
  readonly toTab: Packet[] = []
  readonly toServer: Question[] = []
  /** Questions whose answers have not arrived. */
  readonly open: Set<Question> = new Set()
  isOpen = false
  /** It carries nothing any more, and neither end has heard: the browser has changed networks. */
  isDead = false
  isClosedByServer = false
  /** It was said what its visitor may read. */
  isGreeted = false
  /** The page has heard whose it is, and takes what it brings. */
  isHeard = false
  /** The page has heard by a POST that it is another visitor's, and takes nothing more from here. */
  isFormers = false
  /** The browser's subject. */
  browser: string | undefined
  /** It came without a cookie of its own: that subject is the connection's alone. */
  isFleeting = false
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

  /** The handshake; what the server said against it. */
  async greet(): Promise<Error | undefined> {
    const error = await this.node.process.io.namespace.check(this.#server)
    // socket.io keeps to itself what is said of a connection that was closed meanwhile.
    if (this.isClosedByServer || this.#isLeft) return undefined
    if (error) this.#watcher.refused(this)
    else this.#watcher.greeted(this)
    return error
  }

  /** The namespace lets the socket in. */
  enter(): void {
    this.isOpen = true
    this.toTab.push({ event: 'connect', args: [] })
    this.node.process.io.namespace.sockets.set(this.#server.id, this.#server)
    this.#watcher.opens(this)
    this.node.process.io.namespace.emit('connect', this.#server)
  }

  /** The handle that the app's own handlers use. */
  get handle(): ServerSocket & { readonly liveSession?: Handle } {
    return this.#server
  }

  deliverToServer(): void {
    const question = this.toServer.shift()
    if (!question || !this.isOpen || this.isClosedByServer) return
    const { event, args, ack } = question
    const [sync] = event === SYNC ? (args as readonly [Sync]) : []
    if (sync) this.#watcher.asked(this, sync)
    this.#server.hear(event, ...args, (answer: unknown) => {
      // A process that was killed answers nothing.
      if (!this.isOpen) return
      const answered = sync && ({ sync, answer } as Answered)
      if (answered) this.#watcher.answered(this, sync, answered.answer)
      const heard = (): void => {
        if (this.open.delete(question)) ack(null, answer)
      }
      this.toTab.push({ event: 'ack', args: [heard], ...(this.open.has(question) ? { answered } : {}) })
    })
  }

  /** The server's end learns that the connection is gone. */
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

export function isTaken(answer: SyncAnswer | Refusal): answer is SyncAnswer {
  return 'results' in answer
}
