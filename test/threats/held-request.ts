import { connect } from 'node:net'
import { once } from '../support/app/awaited.js'

export interface HeldAnswer {
  readonly status: number
  readonly text: string
  /** The response's Set-Cookie headers for the live cookie. */
  readonly written: readonly string[]
}

/** A POST of JSON holding back the last byte of its body. */
export class HeldPost {
  readonly answer: Promise<HeldAnswer>
  readonly #socket: ReturnType<typeof connect>
  readonly #rest: string

  constructor(url: string, path: string, cookie: string, body: unknown) {
    const { host, hostname, port, origin } = new URL(url)
    const text = JSON.stringify(body)
    const head = [
      `POST ${path} HTTP/1.1`,
      `Host: ${host}`,
      `Origin: ${origin}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(text)}`,
      ...(cookie === '' ? [] : [`Cookie: ${cookie}`]),
      'Connection: close',
    ]
    this.#socket = connect(Number(port), hostname)
    this.#rest = text.slice(-1)
    this.answer = this.#read()
    this.#socket.write(`${head.join('\r\n')}\r\n\r\n${text.slice(0, -1)}`)
  }

  /** Sends the last byte, and returns the server's response. */
  finish(): Promise<HeldAnswer> {
    this.#socket.write(this.#rest)
    return this.answer
  }

  async #read(): Promise<HeldAnswer> {
    let all = ''
    this.#socket.setEncoding('utf8').on('data', (chunk) => {
      all += chunk
    })
    await once(this.#socket, 'end')
    const [head = '', text = ''] = all.split('\r\n\r\n')
    const written = head
      .split('\r\n')
      .flatMap((line) => /^set-cookie: (live(?:\.sig)?=.*)$/i.exec(line)?.slice(1) ?? [])
    return { status: Number(head.split(' ')[1]), text, written }
  }
}
