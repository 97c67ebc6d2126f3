import { request as httpRequest } from 'node:http'
import type { TestSocket } from '../support/app/socket.js'
import type { Actor } from './actor.js'
import type { RawEvent } from './event-source.js'
import type { Answer, RawRequest } from './light-http.js'
import type { World } from './world.js'

/** Takes inputs over the network, as browsers do: real HTTP, a real websocket. */
export class Wire {
  readonly #world: World
  readonly #sockets = new Map<Actor, TestSocket>()

  constructor(world: World) {
    this.#world = world
  }

  /** Whether a client of Node's own can send it at all, and a server of Node's own hands it on. */
  carries({ headers, isBroken, url }: RawRequest): boolean {
    return !isBroken && url.startsWith('/') && `http://${headers['host']}` === this.#world.own
  }

  /** Undefined where the server closed the connection without an answer. */
  request({ method, url, headers, body }: RawRequest): Promise<Answer | undefined> {
    const { hostname, port } = new URL(this.#world.own)
    return new Promise((resolve) => {
      const options = { hostname, port, method, path: url, headers, agent: false, setHost: false }
      const request = httpRequest(options, async (response) => {
        response.on('error', () => resolve(undefined))
        response.setEncoding('utf8')
        let text = ''
        for await (const chunk of response) text += chunk
        const cookies = response.headers['set-cookie'] ?? []
        resolve({ status: response.statusCode ?? 0, headers: response.headers, cookies, text })
      })
      request.on('error', () => resolve(undefined))
      request.end(body)
    })
  }

  /** The answers to an event; undefined where the connection ended over it. */
  async event(actor: Actor, { event, args }: RawEvent): Promise<readonly unknown[] | undefined> {
    const { io, closed } = await this.#socket(actor)
    const answers: unknown[] = []
    const answered = new Promise<string>((resolve) => {
      io.emit(event, ...args, (answer: unknown) => {
        answers.push(answer)
        resolve('')
      })
    })
    const reason = await Promise.race([answered, closed])
    return reason === '' ? answers : undefined
  }

  /** What the actor's socket was sent since the last look. */
  received(actor: Actor): readonly string[] {
    return (
      this.#sockets
        .get(actor)
        ?.tickets.splice(0)
        .map(({ text }) => text) ?? []
    )
  }

  async #socket(actor: Actor): Promise<TestSocket> {
    const known = this.#sockets.get(actor)
    if (known?.io.connected) return known
    const { cookie, host: _, ...headers } = this.#world.headers(actor)
    const socket = await this.#world.app.visitor(cookie).connect('/', headers)
    this.#sockets.set(actor, socket)
    return socket
  }
}
