import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { connect } from 'koa-live-session/socket'
import { connect as connectInProduction } from '../../client/socket.js'

/** The URLs of the opened WebSockets, which never answer unless `accept` does. */
const opened: string[] = []
/** The packets that the pages have sent. */
const sent: string[] = []
let newest: SilentWebSocket
class SilentWebSocket {
  onmessage = (_: { data: string }): unknown => undefined
  constructor(url: string | URL) {
    opened.push(String(url))
    newest = this
  }
  send(packet: string): void {
    sent.push(packet)
  }
  close(): void {}
}
/** Accepts the newest connection, as a server does. */
async function accept(): Promise<void> {
  await newest.onmessage({ data: '0{"pingInterval":25000,"pingTimeout":20000}' })
  await newest.onmessage({ data: '40{"sid":"1"}' })
}
const { WebSocket: original } = globalThis
beforeEach(() => {
  opened.length = 0
  sent.length = 0
  Object.assign(globalThis, { WebSocket: SilentWebSocket })
})
afterEach(() => {
  Object.assign(globalThis, { WebSocket: original })
  jest.useRealTimers()
})

/** Returns an object that contains itself. */
function cyclic(): object {
  const value: Record<string, unknown> = {}
  value['self'] = value
  return value
}

const KNOWN = 'known: url, path, namespace, auth, reconnectionDelay, reconnectionDelayMax, timeout'
const MORE = 'socket.io-client has more: pass the socket of its io()'

describe('connect()', () => {
  it.each<[string, object | undefined]>([
    ['ws://localhost/socket.io/', undefined],
    ['ws://localhost/tools/socket.io/', { path: '/tools/socket.io' }],
    ['wss://app.example/socket.io/', { url: 'https://app.example/some/page?q=1', namespace: '/chat' }],
    ['wss://app.example:81/io/', { url: 'wss://app.example:81', path: '/io/' }],
  ])('opens %s with the options %j', (url, options) => {
    const socket = connect(options)
    expect(opened).toEqual([`${url}?EIO=4&transport=websocket`])
    expect([socket.url, socket.connected, socket.active]).toEqual([opened[0], false, true])
    socket.disconnect()
  })

  it.each<[string, unknown]>([
    ["options: expected an object, such as { url: 'https://app.example' }, received /chat", '/chat'],
    [`reconnectonDelay: no such option (${KNOWN}). Did you mean "reconnectionDelay"?`, { reconnectonDelay: 1 }],
    [`transports: no such option (${KNOWN}). ${MORE}`, { transports: ['websocket'] }],
    ["url: expected the server's URL, such as 'https://app.example', received app.example", { url: 'app.example' }],
    ["url: expected the server's URL, such as 'https://app.example', received file:///x", { url: 'file:///x' }],
    ["path: expected a path, such as '/tools/socket.io', received tools/socket.io", { path: 'tools/socket.io' }],
    ["namespace: expected a name, such as '/chat', received chat", { namespace: 'chat' }],
    ['auth: expected an object or a function, received token', { auth: 'token' }],
    ['timeout: expected ms, more than 0 and at most 100 years, received 0', { timeout: 0 }],
  ])('explains: %s', (text, options) => {
    expect(() => connect(options as never)).toThrow(new TypeError(`koa-live-session: connect: ${text}`))
    expect(opened).toEqual([])
  })

  it('explains a runtime without WebSocket', () => {
    Object.assign(globalThis, { WebSocket: undefined })
    const text = 'this runtime has no WebSocket. Use a browser, Node 22 or newer, or io() of socket.io-client'
    expect(() => connect()).toThrow(new TypeError(`koa-live-session: connect(): ${text}`))
  })
})

describe('emit()', () => {
  it.each<[string, unknown]>([
    ['an array of bytes', new Uint8Array(1)],
    ['a nested buffer', { files: [new ArrayBuffer(1)] }],
    ['a file', new Blob()],
  ])('refuses binary data: %s', (_, value) => {
    const socket = connect()
    const text = 'koa-live-session: emit("save"): this socket sends JSON, no binary data. '
    expect(() => socket.emit('save', 1, value)).toThrow(new TypeError(text + MORE))
    expect(() => socket.timeout(1).emit('save', value)).toThrow(TypeError)
    socket.disconnect()
  })

  it('refuses an object that contains itself, as JSON does', () => {
    const socket = connect()
    expect(() => socket.emit('save', 1, cyclic())).toThrow('circular structure')
    socket.disconnect()
  })

  it('sends the text of toJSON() in place of a cycle and bytes', async () => {
    const socket = connect()
    socket.emit('save', Object.assign(cyclic(), { bytes: new Uint8Array(1), toJSON: () => 'text' }))
    await accept()
    expect(sent).toEqual(['40{}', '42["save","text"]'])
    socket.disconnect()
  })

  it('explains the name of an own event', () => {
    const socket = connect()
    const text = 'koa-live-session: emit("connect"): the socket itself emits this event. Use another name'
    expect(() => socket.emit('connect')).toThrow(new TypeError(text))
    socket.disconnect()
  })
})

describe.each([
  ['development', connect],
  ['production', connectInProduction],
])('a refused emit() of the %s build', (build, open) => {
  const refusals: [string, string, unknown][] = [
    ['a BigInt', 'save', 1n],
    ['a cycle', 'save', cyclic()],
  ]
  if (build === 'development') refusals.push(['bytes', 'save', new Uint8Array(1)], ['an own event', 'connect', 1])

  it.each(refusals)('never calls its acknowledgement: %s', (_, event, value) => {
    jest.useFakeTimers()
    const socket = open()
    const acknowledged = jest.fn()
    expect(() => socket.timeout(1).emit(event, value, acknowledged)).toThrow()
    jest.advanceTimersByTime(1)
    socket.disconnect()
    expect(acknowledged).not.toHaveBeenCalled()
  })

  it.each(refusals)('leaves no limit to the next event: %s', (_, event, value) => {
    jest.useFakeTimers()
    const socket = open()
    const acknowledged = jest.fn()
    expect(() => socket.timeout(1).emit(event, value)).toThrow()
    socket.emit('next', acknowledged)
    jest.advanceTimersByTime(1)
    expect(acknowledged).not.toHaveBeenCalled()
    socket.disconnect()
  })
})

it('the production build checks nothing', () => {
  const socket = connectInProduction({ transports: ['websocket'] } as never)
  expect(() => socket.emit('connect', new Uint8Array(1))).not.toThrow()
  socket.disconnect()
})
