import { type AddressInfo, connect, createServer, type Server } from 'node:net'

const BASE64 = /[\w+/-]{16,}/g

/** A proxy that records the server's bytes. */
export class WireTap {
  readonly #chunks: Buffer[] = []
  readonly #server: Server

  private constructor(port: number) {
    this.#server = createServer((browser) => {
      const server = connect(port, '127.0.0.1')
      server.on('data', (chunk) => this.#chunks.push(chunk))
      browser.pipe(server).pipe(browser)
      browser.on('error', () => server.destroy())
      server.on('error', () => browser.destroy())
    })
  }

  static async start(port: number): Promise<WireTap> {
    const tap = new WireTap(port)
    await new Promise<void>((resolve) => tap.#server.listen(0, '127.0.0.1', resolve))
    return tap
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The recorded bytes as text. */
  get plain(): string {
    return Buffer.concat(this.#chunks).toString()
  }

  /** The decoded content of cookies and tickets. */
  get decoded(): string {
    return (this.plain.match(BASE64) ?? []).map((text) => Buffer.from(text, 'base64').toString()).join('\n')
  }

  close(): void {
    this.#server.close()
  }
}
