// A simulated page: a WebSocket with socket.io's protocol, without the cost of a browser or `socket.io-client`.
import { createRequire } from 'node:module'

/** Resolves the packages of socket.io itself. */
const ofSocketIo = createRequire(import.meta.resolve('socket.io'))
const { WebSocket } = createRequire(ofSocketIo.resolve('engine.io'))('ws')

const EXCHANGE = 'live_session:exchange'

/** Returns the value in a server's message: from a ticket, or the message itself. */
export function valueIn(content) {
  if (typeof content !== 'string') return content
  const { changes } = JSON.parse(Buffer.from(content.split('.')[1], 'base64url').toString())
  return changes.find(([key]) => key === 'division')?.[2] ?? 0
}

export class Page {
  #websocket
  #acks = new Map()
  #ids = 0
  /** `onMessage` is called with each message, `onEnd` when the connection ends without the page's doing. */
  onMessage = () => undefined
  onEnd = () => undefined
  /** The visitor of this page, as named by the server. */
  who
  greetings = 0
  messages = 0
  bytes = 0
  /** For connection state recovery: the ids from the server, and this page's offset. */
  #recovery = {}

  /** @param visitor the page's visitor: `cookie` and `user`. With `asks: false`, does not request the value on connecting. */
  constructor(visitor) {
    this.visitor = visitor
  }

  /** Resolves when the server has sent the value. */
  async open(port) {
    const { cookie } = this.visitor
    const origin = `http://127.0.0.1:${port}`
    const websocket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`, {
      perMessageDeflate: false,
      headers: { cookie, origin },
    })
    this.#websocket = websocket
    await new Promise((resolve, reject) => {
      websocket.on('error', reject)
      websocket.once('close', () => reject(new Error('closed')))
      const answer = (packet) => websocket.send(packet)
      websocket.on('message', (data) => this.#take(String(data), answer, resolve, reject))
    })
    websocket.once('close', () => this.#ended(websocket))
    if (this.visitor.questions !== false) await this.#ask()
  }

  #ended(websocket) {
    for (const { reject } of this.#acks.values()) reject(new Error('closed'))
    this.#acks.clear()
    if (websocket === this.#websocket) this.onEnd()
  }

  async #ask() {
    const { who, greeting = [] } = await this.#emit({})
    this.who = who
    if (greeting.length > 0) this.greetings += 1
    for (const content of greeting) this.onMessage(content)
  }

  #take(packet, answer, connected, failed) {
    if (packet.startsWith('42')) return this.#hear(packet)
    if (packet.startsWith('43')) return this.#acknowledge(packet)
    if (packet === '2') return answer('3')
    if (packet.startsWith('0')) return answer(`40${JSON.stringify({ user: this.visitor.user, ...this.#recovery })}`)
    if (packet.startsWith('44')) return failed(new Error(packet))
    if (!packet.startsWith('40')) return
    const { pid } = JSON.parse(packet.slice(2))
    if (pid !== undefined) this.#recovery = { pid, offset: this.#recovery.offset }
    connected()
  }

  #hear(packet) {
    const [event, content, offset] = JSON.parse(packet.slice(2))
    if (event !== 'store_session') return
    if (offset !== undefined) this.#recovery.offset = offset
    this.messages += 1
    this.bytes += packet.length
    this.onMessage(content)
  }

  #acknowledge(packet) {
    const from = packet.indexOf('[')
    const id = Number(packet.slice(2, from))
    const [answer] = JSON.parse(packet.slice(from))
    this.bytes += packet.length
    this.#acks.get(id)?.resolve(answer)
    this.#acks.delete(id)
  }

  #emit(content) {
    const id = this.#ids
    this.#ids += 1
    this.#websocket.send(`42${id}${JSON.stringify([EXCHANGE, content])}`)
    return new Promise((resolve, reject) => this.#acks.set(id, { resolve, reject }))
  }

  /** Resolves with the answer. */
  async set(value) {
    const answer = await this.#emit({ who: this.who, set: [['division', -1, '', value]] })
    const refused = answer.code ?? answer.results[0].code
    if (refused) throw new Error(refused)
    return answer
  }

  /** Resolves with the next message. */
  seen() {
    return new Promise((resolve) => {
      this.onMessage = resolve
    })
  }

  /** Cuts the connection as a network does: without a close frame. */
  cut() {
    this.#websocket.terminate()
  }

  close() {
    const websocket = this.#websocket
    this.#websocket = undefined
    websocket?.close()
  }
}
