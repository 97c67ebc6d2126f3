import { request } from 'node:http'
import type { Duplex } from 'node:stream'
import { afterEach } from '@jest/globals'
import { awaited, once } from './awaited.js'

const FIN = 0x80
const TEXT = 0x1
const CLOSE = 0x8

const open = new Set<RawSocket>()
afterEach(() => {
  for (const socket of open) socket.hangUp()
})

/** A WebSocket with any headers and bytes, which socket.io-client would refuse or fix. */
export class RawSocket {
  readonly received: string[] = []
  readonly #closed: Promise<number>
  readonly #stream: Duplex
  #rest = Buffer.alloc(0)
  #taken = 0
  #arrived: (() => void)[] = []

  private constructor(stream: Duplex, head: Buffer) {
    this.#stream = stream
    open.add(this)
    this.#closed = new Promise((resolve) => {
      stream.on('data', (data: Buffer) => this.#read(data, resolve))
      stream.once('close', () => resolve(0))
      // The server may hang up while a frame is still being written.
      stream.on('error', () => resolve(0))
    })
    this.#read(head, () => undefined)
  }

  /** Opens engine.io; the caller opens the namespace. */
  static async open(url: string, headers: Record<string, string>): Promise<RawSocket> {
    const upgrade = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    const req = request(`${url}/socket.io/?EIO=4&transport=websocket`, { headers: { ...headers, ...upgrade } })
    req.end()
    const [, stream, head] = await once(req, 'upgrade')
    return new RawSocket(stream, head)
  }

  /** Opens engine.io and then the namespace, and waits for the greeting. */
  static async enter(url: string, cookie: string): Promise<RawSocket> {
    const socket = await RawSocket.open(url, { cookie, origin: url })
    socket.send('40')
    await socket.next('40')
    await socket.ask('live_session:exchange', '{}')
    return socket
  }

  /** Resolves with the server's close code, or 0 if the server just hung up. */
  get closed(): Promise<number> {
    return awaited('the socket to close', this.#closed)
  }

  send(text: string): void {
    this.sendFrames(RawSocket.frame(text))
  }

  /** Sends frames made in advance, so that making them takes none of the server's time. */
  sendFrames(frames: Buffer): void {
    this.#stream.write(frames)
  }

  /** Returns a frame masked with zeros, so that the text is sent unchanged. */
  static frame(text: string, isFinal = true, opcode: number = TEXT): Buffer {
    const payload = Buffer.from(text)
    const header = Buffer.alloc(14)
    header[0] = (isFinal ? FIN : 0) | opcode
    header[1] = 0x80 | 127
    header.writeBigUInt64BE(BigInt(payload.length), 2)
    return Buffer.concat([header, payload])
  }

  /** Resolves with the next text that begins like this; skips those before it. */
  async next(start: string): Promise<string> {
    for (;;) {
      const text = this.received[this.#taken]
      if (text === undefined) await awaited(start, new Promise<void>((resolve) => this.#arrived.push(resolve)))
      else {
        this.#taken += 1
        if (text.startsWith(start)) return text
      }
    }
  }

  /** Sends an event with raw JSON, and resolves with the server's acknowledgement. */
  async ask(event: string, json: string): Promise<unknown> {
    this.send(`427["${event}",${json}]`)
    return JSON.parse((await this.next('437')).slice(3))[0]
  }

  /** Reads nothing more, so the window of the TCP connection shuts. */
  stopReading(): void {
    this.#stream.pause()
  }

  hangUp(): void {
    open.delete(this)
    this.#stream.destroy()
  }

  #read(data: Buffer, close: (code: number) => void): void {
    this.#rest = Buffer.concat([this.#rest, data])
    for (let frame = readFrame(this.#rest); frame; frame = readFrame(this.#rest)) {
      this.#rest = this.#rest.subarray(frame.end)
      if (frame.opcode === CLOSE) {
        close(frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0))
        this.hangUp()
      } else this.received.push(frame.payload.toString())
    }
    for (const arrived of this.#arrived.splice(0)) arrived()
  }
}

/** Reads a server's frame, which is never masked; returns undefined if the frame is incomplete. */
function readFrame(data: Buffer): { opcode: number; payload: Buffer; end: number } | undefined {
  const [first = 0, short = 0] = data
  const start = short === 127 ? 10 : short === 126 ? 4 : 2
  if (data.length < start) return undefined
  const length = short === 127 ? Number(data.readBigUInt64BE(2)) : short === 126 ? data.readUInt16BE(2) : short
  const end = start + length
  return data.length < end ? undefined : { opcode: first & 0xf, payload: data.subarray(start, end), end }
}
