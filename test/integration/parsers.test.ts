import { EventEmitter } from 'node:events'
import { deserialize, serialize } from 'node:v8'
import { expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { connect } from 'socket.io-client'
import { App } from '../support/app/app.js'
import { TestSocket } from '../support/app/socket.js'

/** A binary parser, such as socket.io-msgpack-parser. Unlike JSON, it also transfers members that are undefined. */
const parser = {
  Encoder: class {
    encode(packet: object): readonly unknown[] {
      return [serialize(packet)]
    }
  },
  Decoder: class extends EventEmitter {
    add(chunk: Uint8Array): void {
      this.emit('decoded', deserialize(chunk))
    }
    destroy(): void {}
  },
}

it('sockets with a binary parser set and hear values', async () => {
  const app = await App.start({ io: { parser } })
  const cookie = cookieFor(app.live, {})
  const open = async (): Promise<TestSocket> => {
    const io = connect(app.url, { parser, transports: ['websocket'], extraHeaders: { cookie, origin: app.url } })
    const socket = new TestSocket(io)
    await socket.greeted
    return socket
  }
  const [one, other] = [await open(), await open()]
  expect(await one.exchange({ who: one.who, tickets: undefined, set: [['cart', 0, 'page-1', ['a']]] })).toMatchObject({
    results: [{ level: 'memory' }],
  })
  await other.ticket()
  expect((await other.ticket()).claims.changes).toMatchObject([['cart', expect.any(Number), ['a']]])
  for (const { io } of [one, other]) io.disconnect()
})
