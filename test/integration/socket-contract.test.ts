import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createProxy, type Socket as Stream } from 'node:net'
import { runInThisContext } from 'node:vm'
import { describe, expect, it, jest } from '@jest/globals'
import { connect as connectOurs, type SocketOptions } from 'koa-live-session/socket'
import type { Socket as ServerSocket } from 'socket.io'
import { awaited } from '../support/app/awaited.js'
import { dispatch, type Heard, hear, Served, SOCKETS } from '../support/page/two-sockets.js'

const LONG = 60_000

/** Answers `echo` with its arguments, in the order of the events. */
const echoes = (socket: ServerSocket): void => {
  socket.on('echo', (...args) => args.pop()(...args))
}

/** Emits these events to each new socket. */
const emitting =
  (...events: readonly [event: string, value: number][]) =>
  (socket: ServerSocket): void => {
    for (const [event, value] of events) socket.emit(event, value)
  }

const CYCLIC: unknown[] = []
CYCLIC.push(CYCLIC)

const UNHANDLED = ['uncaughtException', 'unhandledRejection'] as const

/** Resolves with the error of a listener: an uncaught exception or, as in browsers, an unhandled rejection. */
function unhandled(): Promise<unknown> {
  const node: NodeJS.Process = runInThisContext('process')
  const before = UNHANDLED.map((event) => [event, node.listeners(event as 'exit')] as const)
  for (const event of UNHANDLED) node.removeAllListeners(event)
  const reported = new Promise((resolve) => {
    for (const event of UNHANDLED) node.once(event, resolve)
  })
  const restore = (): void => {
    for (const [event, listeners] of before) {
      node.removeAllListeners(event)
      for (const listener of listeners) node.on(event as 'exit', listener)
    }
  }
  return awaited('the error of a listener', reported).finally(restore)
}

/** Returns the URL of a server that has stopped. */
async function closedUrl(): Promise<string> {
  const server = await Served.start()
  const { url } = server
  await server.stop()
  return url
}

/** A proxy that can stop to pass on bytes of the server. */
async function muteProxy(port: number) {
  const streams: Stream[] = []
  const proxy = createProxy((page) => {
    const server = connect(port, '127.0.0.1')
    streams.push(page, server)
    page.pipe(server)
    server.pipe(page)
    page.on('error', () => server.destroy()).on('close', () => server.destroy())
    server.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    mute: () => {
      for (const stream of streams) stream.unpipe()
    },
    close: () => {
      for (const stream of streams) stream.destroy()
      proxy.close()
    },
  }
}

describe.each(SOCKETS)('%s', (_, open) => {
  const connectTo = ({ url }: { readonly url: string }, options: SocketOptions = {}): Heard =>
    hear(open, { url, ...options })

  describe('events', () => {
    it('are sent, heard and acknowledged, also those from before the connection', async () => {
      const server = await Served.start((socket) => {
        echoes(socket)
        socket.on('tell', () => socket.emit('told', 1, { ü: '😀' }, null))
      })
      const { socket, add, next } = connectTo(server)
      socket.on('told', (...args) => add(args))
      socket.emit('echo', 'early', [1], (...args: unknown[]) => add(args)).emit('tell')
      expect(await next()).toBe('connect')
      expect(await next()).toEqual(['early', [1]])
      expect(await next()).toEqual([1, { ü: '😀' }, null])
      socket.emit('echo', undefined, Number.NaN, '\u2028\n', (...args: unknown[]) => add(args))
      expect(await next()).toEqual([null, null, '\u2028\n'])
      expect([socket.connected, socket.active, typeof socket.id]).toEqual([true, true, 'string'])
    })

    it('of the server are acknowledged by the page', async () => {
      const server = await Served.start((socket) => {
        socket.timeout(LONG).emit('ask', 7, (lost: unknown, answer: number) => socket.emit('got', lost, answer))
      })
      const { socket, add, next } = connectTo(server)
      socket.on('ask', (n, answer) => answer(n + 1)).on('got', (...args) => add(args))
      expect([await next(), await next()]).toEqual(['connect', [null, 8]])
    })

    it('emitted while the connection is cut are sent after it is back', async () => {
      const server = await Served.start((socket) => {
        echoes(socket)
        socket.on('cut', () => socket.conn.close())
      })
      const { socket, add, next } = connectTo(server)
      expect(await next()).toBe('connect')
      socket.once('disconnect', () => socket.emit('echo', 1, add))
      socket.emit('cut')
      expect([await next(), await next(), await next()]).toEqual(['disconnect: transport close', 'connect', 1])
    })

    it('are sent once, also if a later connection follows', async () => {
      let received = 0
      const server = await Served.start((socket) => {
        echoes(socket)
        socket.on('early', (answer) => {
          received += 1
          answer(received)
        })
      })
      const { socket, add, next } = connectTo(server)
      socket.emit('early', add)
      expect([await next(), await next()]).toEqual(['connect', 1])
      socket.disconnect().connect()
      expect([await next(), await next()]).toEqual(['disconnect: io client disconnect', 'connect'])
      socket.emit('echo', 1, add)
      expect([await next(), received]).toEqual([1, 1])
    })

    it('pass an emit() that the page has wrapped', async () => {
      const { socket, add, next } = connectTo(await Served.start(echoes))
      const { emit } = socket
      socket.emit = (event, ...args) => {
        add(event)
        return emit.call(socket, event, ...args) as never
      }
      expect(await next()).toBe('connect')
      socket.timeout(LONG).emit('echo', 1, (...args: unknown[]) => add(args))
      expect([await next(), await next()]).toEqual(['echo', [null, 1]])
    })

    it('of the socket itself cannot be emitted', async () => {
      const { socket } = connectTo(await Served.start())
      for (const event of ['connect', 'connect_error', 'disconnect']) expect(() => socket.emit(event)).toThrow(event)
    })
  })

  describe('an event that JSON cannot express', () => {
    it.each([
      ['a BigInt', 1n],
      ['a cycle', CYCLIC],
    ])('throws, and later events arrive: %s', async (_value, value) => {
      const { socket, add, next, rest } = connectTo(await Served.start(echoes))
      expect(await next()).toBe('connect')
      expect(() => socket.emit('echo', value, add)).toThrow()
      socket.emit('echo', 1, add)
      expect([await next(), rest()]).toEqual([1, []])
    })
  })

  describe('an acknowledgement', () => {
    it('that is late counts as lost', async () => {
      let answer: (text: string) => void = () => undefined
      const server = await Served.start((socket) => {
        echoes(socket)
        socket.on('hold', (later) => {
          answer = later
        })
      })
      const { socket, add, next, rest } = connectTo(server)
      expect(await next()).toBe('connect')
      socket.timeout(20).emit('hold', (lost: Error | null, ...args: unknown[]) => add([lost?.message, ...args]))
      expect(await next()).toEqual(['operation has timed out'])
      answer('late')
      socket.emit('echo', 'after', add)
      expect([await next(), rest()]).toEqual(['after', []])
    })

    it('is lost with its connection, and told only with a timeout', async () => {
      const { socket, add, next, rest } = connectTo(await Served.start())
      expect(await next()).toBe('connect')
      socket.emit('mute', () => add('answered'))
      socket.timeout(LONG).emit('mute', (lost: Error | null) => add(lost?.message))
      socket.disconnect()
      expect([await next(), await next(), rest()]).toEqual([
        'disconnect: io client disconnect',
        'socket has been disconnected',
        [],
      ])
    })

    it('that times out before the connection takes its event along', async () => {
      const received: string[] = []
      const server = await Served.start((one) => {
        one.on('echo', (text, answer) => {
          received.push(text)
          answer(text)
        })
      })
      const { socket, add, next, rest } = connectTo(server)
      socket.disconnect()
      socket.timeout(1).emit('echo', 'lost', (lost: Error | null) => add(lost?.message))
      expect(await next()).toBe('operation has timed out')
      socket.connect().emit('echo', 'after', add)
      expect([await next(), await next(), rest(), received]).toEqual(['connect', 'after', [], ['after']])
    })

    it.each([
      ['with', true],
      ['without', false],
    ])('of a waiting event outlives failed connections: %s a timeout', async (_with, isTimed) => {
      const before = await Served.start()
      const { port } = before
      await before.stop()
      const { socket, add, next } = connectTo({ url: `http://127.0.0.1:${port}` })
      const emitter = isTimed ? socket.timeout(LONG) : socket
      emitter.emit('echo', 1, (...args: unknown[]) => add(args))
      expect(await next()).toEqual(['connect_error', 'websocket error', undefined, 'active'])
      await Served.start(echoes, {}, port)
      let entry = await next()
      while (Array.isArray(entry) && entry[0] === 'connect_error') entry = await next()
      expect([entry, await next()]).toEqual(['connect', isTimed ? [null, 1] : [1]])
    })

    it('of a connection that has ended is dropped', async () => {
      const server = await Served.start((socket) => {
        echoes(socket)
        if (server.connections === 1) socket.emit('ask', () => undefined)
      })
      const { socket, add, next } = connectTo(server)
      let answer: () => void = () => undefined
      socket.on('ask', (later) => {
        answer = later
        socket.disconnect()
      })
      expect([await next(), await next()]).toEqual(['connect', 'disconnect: io client disconnect'])
      answer()
      socket.connect()
      expect(await next()).toBe('connect')
      answer()
      socket.emit('echo', 1, add)
      expect(await next()).toBe(1)
    })
  })

  describe('a listener', () => {
    it('of once() is called once', async () => {
      const { socket, add, next, rest } = connectTo(await Served.start(emitting(['x', 1], ['x', 2])))
      socket.once('x', (n) => add(['once', n])).on('x', add)
      expect([await next(), await next(), await next(), await next(), rest()]).toEqual([
        'connect',
        ['once', 1],
        1,
        2,
        [],
      ])
    })

    it('is called as often as it was added, and removed one by one', async () => {
      const { socket, add, next, rest } = connectTo(await Served.start(emitting(['x', 1], ['y', 2])))
      const removed = (): void => add('removed')
      socket.on('x', add).on('x', add).on('x', add).once('x', removed).on('y', add)
      socket.off('x', add).off('x', removed).off('z').off('z', add)
      expect([await next(), await next(), await next(), await next(), rest()]).toEqual(['connect', 1, 1, 2, []])
      socket.off('y').off()
      socket.disconnect()
      expect(rest()).toEqual([])
    })

    it('that is added or removed by another is so from the next event on', async () => {
      const { socket, add, next } = connectTo(await Served.start(emitting(['x', 1], ['x', 2])))
      const former = (n: number): void => add(['former', n])
      const later = (n: number): void => add(['later', n])
      socket
        .once('x', () => socket.off('x', former).on('x', later))
        .on('x', former)
        .on('x', add)
      expect([await next(), await next(), await next(), await next()]).toEqual(['connect', ['former', 1], 1, 2])
      expect(await next()).toEqual(['later', 2])
    })

    it('that throws is reported, and the connection lives on', async () => {
      const { socket, add, next } = connectTo(await Served.start(echoes))
      const error = new Error('of the page')
      socket.once('connect', () => {
        throw error
      })
      const reported = unhandled()
      expect([await next(), await reported]).toEqual(['connect', error])
      socket.emit('echo', 1, add)
      expect(await next()).toBe(1)
    })

    it.each(['connect', 'ready'])('of %s may disconnect', async (event) => {
      const server = await Served.start((one) => void one.emit('ready'))
      const { socket, next, rest } = connectTo(server)
      socket.once(event, () => socket.disconnect())
      expect([await next(), await next()]).toEqual(['connect', 'disconnect: io client disconnect'])
      expect([socket.connected, socket.active, socket.id]).toEqual([false, false, undefined])
      socket.connect()
      expect([await next(), server.connections, rest()]).toEqual(['connect', 2, []])
    })

    it('of disconnect may end or hasten the reconnection', async () => {
      const server = await Served.start((one) => one.on('cut', () => one.conn.close()))
      const { socket, next } = connectTo(server, { reconnectionDelay: LONG, reconnectionDelayMax: LONG })
      expect(await next()).toBe('connect')
      socket.once('disconnect', () => socket.disconnect())
      socket.emit('cut')
      expect([await next(), socket.active]).toEqual(['disconnect: transport close', false])
      socket.connect()
      expect(await next()).toBe('connect')
      socket.once('disconnect', () => socket.disconnect().connect())
      socket.emit('cut')
      expect([await next(), await next()]).toEqual(['disconnect: transport close', 'connect'])
    })

    it('of connect_error may end the attempts', async () => {
      const { socket, next } = connectTo({ url: await closedUrl() })
      socket.on('connect_error', () => socket.disconnect())
      expect([await next(), socket.active]).toEqual([['connect_error', 'websocket error', undefined, 'active'], false])
    })
  })

  describe('a handshake', () => {
    it('that middleware has refused is not repeated by itself', async () => {
      const server = await Served.start()
      server.io.use((_socket, done) => {
        const error = Object.assign(new Error('no'), { data: { code: 'x' } })
        done(server.connections === 1 ? error : undefined)
      })
      const { socket, next } = connectTo(server)
      expect(await next()).toEqual(['connect_error', 'no', { code: 'x' }, 'not active'])
      expect([socket.connected, socket.active]).toEqual([false, false])
      socket.connect()
      expect([await next(), server.connections]).toEqual(['connect', 2])
    })

    it('that middleware has refused may be repeated by the listener', async () => {
      const server = await Served.start()
      server.io.use((_socket, done) => done(server.connections < 3 ? new Error('no') : undefined))
      const { socket, next } = connectTo(server)
      socket.on('connect_error', () => socket.disconnect().connect())
      const refusal = ['connect_error', 'no', undefined, 'not active']
      expect([await next(), await next(), await next()]).toEqual([refusal, refusal, 'connect'])
    })

    it('brings auth to a namespace', async () => {
      const server = await Served.start()
      server.io.of('/chat').on('connection', (one) => {
        echoes(one)
        one.emit('hello', one.handshake.auth)
      })
      const { socket, add, next } = connectTo(server, { namespace: '/chat', auth: { token: 't' } })
      socket.on('hello', add).emit('echo', [','], add)
      expect([await next(), await next(), await next()]).toEqual(['connect', { token: 't' }, [',']])
      const { next: nextOther } = connectTo(server, { namespace: '/none' })
      expect(await nextOther()).toEqual(['connect_error', 'Invalid namespace', undefined, 'not active'])
    })

    it('asks a function for auth each time, also a later one', async () => {
      const server = await Served.start((one) => void one.emit('hello', one.handshake.auth))
      let calls = 0
      const { socket, add, next } = connectTo(server, { auth: (send) => void send({ calls: ++calls }) })
      socket.on('hello', add)
      expect([await next(), await next()]).toEqual(['connect', { calls: 1 }])
      socket.disconnect().connect()
      expect([await next(), await next(), await next()]).toEqual([
        'disconnect: io client disconnect',
        'connect',
        { calls: 2 },
      ])
      socket.auth = (send) => setImmediate(send, { tab: 1 })
      socket.disconnect().connect()
      expect([await next(), await next(), await next()]).toEqual([
        'disconnect: io client disconnect',
        'connect',
        { tab: 1 },
      ])
    })

    it.each(['/tools/socket.io', '/tools/socket.io/'])('goes to the app’s sub-path %s', async (path) => {
      const { next } = connectTo(await Served.start(undefined, { path: '/tools/socket.io' }), { path })
      expect(await next()).toBe('connect')
    })

    it('that nobody answers has failed after timeout', async () => {
      let upgrades = 0
      const silent = createServer()
      const streams: { destroy(): void }[] = []
      silent.on('upgrade', (_request, stream) => {
        upgrades += 1
        streams.push(stream)
        stream.on('error', () => undefined)
      })
      await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve))
      const { socket, next } = connectTo(
        { url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` },
        { timeout: 50 },
      )
      const failure = ['connect_error', 'timeout', undefined, 'active']
      expect([await next(), await next(), upgrades > 1]).toEqual([failure, failure, true])
      socket.disconnect()
      for (const stream of streams) stream.destroy()
      silent.close()
    })

    it('that the server closes is repeated', async () => {
      const server = await Served.start()
      server.io.engine.on('connection', (one: { close(): void }) => {
        if (server.connections === 1) one.close()
      })
      const { next } = connectTo(server)
      expect([await next(), await next()]).toEqual(['disconnect: transport close', 'connect'])
    })

    it('that the page ends leaves no trace', async () => {
      const server = await Served.start()
      const { socket, next, rest } = connectTo(server)
      socket.disconnect()
      expect([socket.connected, socket.active, rest()]).toEqual([false, false, []])
      socket.connect()
      expect([await next(), rest()]).toEqual(['connect', []])
    })
  })

  describe('a connection', () => {
    it('that the server ends for good stays away', async () => {
      const server = await Served.start((one) => one.on('bye', () => one.disconnect()))
      const { socket, next } = connectTo(server)
      expect(await next()).toBe('connect')
      socket.emit('bye')
      expect([await next(), socket.connected, socket.active]).toEqual([
        'disconnect: io server disconnect',
        false,
        false,
      ])
      socket.connect()
      expect([await next(), server.connections]).toEqual(['connect', 2])
    })

    it.each<[string, (one: ServerSocket) => void]>([
      ['hung up', (one) => void one.conn.close()],
      ['cut', (one) => Reflect.get(one.conn.transport, 'socket')._socket.destroy()],
    ])('that was %s comes back with another id', async (_how, cut) => {
      const server = await Served.start((one) => one.on('cut', () => cut(one)))
      const { socket, next } = connectTo(server)
      expect(await next()).toBe('connect')
      const { id } = socket
      socket.emit('cut')
      expect([await next(), socket.id, await next()]).toEqual(['disconnect: transport close', undefined, 'connect'])
      expect([socket.id === id, server.connections]).toEqual([false, 2])
    })

    it('is not opened twice by connect()', async () => {
      const server = await Served.start((one) => {
        echoes(one)
        one.on('cut', () => one.conn.close())
      })
      const { socket, add, next } = connectTo(server)
      socket.connect().connect()
      expect(await next()).toBe('connect')
      socket.connect().emit('cut')
      expect(await next()).toBe('disconnect: transport close')
      socket.connect()
      expect(await next()).toBe('connect')
      socket.connect().emit('echo', 1, add)
      expect([await next(), server.connections]).toEqual([1, 2])
    })

    it('lives on while the server pings', async () => {
      let pongs = 0
      const server = await Served.start(
        (one) => {
          one.conn.on('heartbeat', () => {
            pongs += 1
            if (pongs === 5) one.emit('five')
          })
        },
        { pingInterval: 20, pingTimeout: LONG },
      )
      const { socket, add, next } = connectTo(server)
      socket.on('five', () => add(pongs))
      expect([await next(), await next()]).toEqual(['connect', 5])
    })

    it('on which the server is silent is given up', async () => {
      const server = await Served.start(echoes, { pingInterval: 20, pingTimeout: 200 })
      const proxy = await muteProxy(server.port)
      const { socket, next } = connectTo(proxy)
      expect(await next()).toBe('connect')
      proxy.mute()
      expect(await next()).toBe('disconnect: ping timeout')
      socket.disconnect()
      proxy.close()
    })

    it('that slept through the pings is given up, and a new one sends the event', async () => {
      let echoed = 0
      const server = await Served.start((one) => {
        one.on('echo', (text, answer) => {
          echoed += 1
          answer(text)
        })
      })
      const { socket, add, next } = connectTo(server)
      expect(await next()).toBe('connect')
      const { now } = Date
      const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + 60 * LONG)
      socket.emit('echo', 'awake', add)
      socket.emit('echo', 'too', add)
      clock.mockRestore()
      expect([await next(), await next()]).toEqual(['disconnect: ping timeout', 'connect'])
      expect([await next(), await next(), echoed]).toEqual(['awake', 'too', 2])
    })

    it('ends as the browser goes offline, and comes back', async () => {
      const { socket, add, next } = connectTo(await Served.start(echoes))
      expect(await next()).toBe('connect')
      dispatch('offline')
      expect([await next(), await next()]).toEqual(['disconnect: transport close', 'connect'])
      dispatch('online')
      socket.emit('echo', 1, add)
      expect(await next()).toBe(1)
      socket.disconnect()
      expect(await next()).toBe('disconnect: io client disconnect')
      dispatch('offline')
      socket.connect()
      expect(await next()).toBe('connect')
    })

    describe('that fails', () => {
      const SLOW = { reconnectionDelay: 2 * LONG, reconnectionDelayMax: 6 * LONG, timeout: LONG - 1 }

      /** Skips the pauses between two attempts, and returns their list in units of `LONG`. */
      function skipPauses(): readonly number[] {
        const pauses: number[] = []
        const { setTimeout: wait } = globalThis
        jest.spyOn(globalThis, 'setTimeout').mockImplementation(((act: () => void, ms = 0, ...args: []) => {
          if (ms < LONG) return wait(act, ms, ...args)
          pauses.push(ms / LONG)
          return wait(act, 0, ...args)
        }) as never)
        return pauses
      }
      const isFirst = (pause = 0): boolean => pause >= 1 && pause <= 3
      const isSecond = (pause = 0): boolean => pause >= 2 && pause <= 6

      it('is tried again after random, growing pauses', async () => {
        const url = await closedUrl()
        const pauses = skipPauses()
        const { socket, next } = connectTo({ url }, SLOW)
        for (let left = 6; left > 0; left -= 1) await next()
        socket.disconnect()
        const [first, second, ...others] = pauses
        expect([isFirst(first), isSecond(second), others.slice(1, 3)]).toEqual([true, true, [6, 6]])
      })

      it('is tried again soon after disconnect() or a connection', async () => {
        const url = await closedUrl()
        const pauses = skipPauses()
        const { socket, next } = connectTo({ url }, SLOW)
        for (let left = 6; left > 0; left -= 1) await next()
        const later = pauses.length
        socket.disconnect().connect()
        await next()
        expect(isFirst(pauses[later])).toBe(true)
        for (let left = 6; left > 0; left -= 1) await next()
        await Served.start((one) => one.on('cut', () => one.conn.close()), {}, Number(new URL(url).port))
        while ((await next()) !== 'connect');
        const last = pauses.length
        socket.emit('cut')
        expect([await next(), await next()]).toEqual(['disconnect: transport close', 'connect'])
        expect(isFirst(pauses[last])).toBe(true)
      })
    })
  })
})

const ACCEPTING = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

// socket.io-client waits for `timeout`.
it('koa-live-session/socket at once repeats a handshake that ends before the server’s first packet', async () => {
  const ending = createServer()
  ending.on('upgrade', ({ headers }, stream) => {
    const accept = createHash('sha1').update(`${headers['sec-websocket-key']}${ACCEPTING}`).digest('base64')
    stream.end(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
  })
  await new Promise<void>((resolve) => void ending.listen(0, '127.0.0.1', resolve))
  const { port } = ending.address() as AddressInfo
  const { next } = hear(connectOurs, { url: `http://127.0.0.1:${port}`, timeout: LONG })
  const failure = ['connect_error', 'websocket error', undefined, 'active']
  expect([await next(), await next()]).toEqual([failure, failure])
  ending.close()
})
