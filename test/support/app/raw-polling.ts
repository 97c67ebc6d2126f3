import { type RawAnswer, send } from './raw-http.js'

/** engine.io by HTTP long-polling, one request at a time. */
export class RawPolling {
  readonly #url: string
  readonly #headers: Record<string, string>

  private constructor(url: string, headers: Record<string, string>) {
    this.#url = url
    this.#headers = headers
  }

  static async open(url: string, cookie: string): Promise<RawPolling> {
    const headers = { cookie, origin: url }
    const path = `${url}/socket.io/?EIO=4&transport=polling`
    const { sid } = JSON.parse((await send(path, { headers })).text.slice(1))
    return new RawPolling(`${path}&sid=${sid}`, headers)
  }

  /** Opens engine.io and then the namespace, and fetches the first messages. */
  static async enter(url: string, cookie: string): Promise<RawPolling> {
    const polling = await RawPolling.open(url, cookie)
    await polling.send('40')
    await polling.fetch()
    return polling
  }

  send(body: string): Promise<RawAnswer> {
    return send(this.#url, { method: 'POST', headers: { ...this.#headers, 'content-type': 'text/plain' }, body })
  }

  fetch(): Promise<RawAnswer> {
    return send(this.#url, { headers: this.#headers })
  }
}
