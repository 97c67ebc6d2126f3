import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { browserSubject } from '../../server/kernel/names/subject.js'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app.js'
import { browserId } from '../support/browser-id.js'
import { Gate } from '../support/gate.js'
import { RawSocket } from '../support/raw-socket.js'
import { atScale } from '../support/scale.js'
import type { TestSocket } from '../support/socket.js'

const limits = { socketsPerSubject: 5 }
const REFUSED = { message: 'rate_limited', data: { code: 'rate_limited' } }

const start = async (): Promise<App> => {
  const app = await App.start({ options: { limits }, io: { cleanupEmptyChildNamespaces: true } })
  app.io.of(/^\/dyn-\d+$/)
  return app
}
const open = (app: App, cookie: string): Promise<RawSocket> => RawSocket.open(app.url, { cookie, origin: app.url })
const inside = (app: App): number => [...app.io._nsps.values()].reduce((sum, { sockets }) => sum + sockets.size, 0)

/** The answers to joining so many namespaces. */
async function join(socket: RawSocket, names: readonly string[]): Promise<string[]> {
  socket.sendFrames(Buffer.concat(names.map((name) => RawSocket.frame(`40${name},`))))
  const answers: string[] = []
  while (answers.length < names.length) {
    const text = await socket.next('4')
    if (!text.startsWith('42')) answers.push(text)
  }
  return answers
}
const dynamic = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => `/dyn-${from + i}`)

/** Namespaces that each of ten connections joins: many times the limit. */
const EACH = atScale(100, 1000)

describe('threat 50: namespaces', () => {
  it('count, too: ten connections that join many each have no more than one with as many sockets', async () => {
    const app = await start()
    const cookie = cookieFor(app.live, {})
    const sockets: RawSocket[] = []
    const answers: string[] = []
    for (let i = 0; i < 10; i += 1) {
      const socket = await open(app, cookie)
      sockets.push(socket)
      answers.push(...(await join(socket, dynamic(i * EACH, EACH))))
    }
    const refused = answers.filter((text) => text.startsWith('44'))
    expect(answers.length - refused.length).toBe(limits.socketsPerSubject)
    expect(new Set(refused.map((text) => text.slice(text.indexOf(',') + 1)))).toEqual(
      new Set([JSON.stringify(REFUSED)]),
    )
    expect(inside(app)).toBe(limits.socketsPerSubject)
    expect(app.io._nsps.size).toBeLessThan(10)
    expect(coreOf(app.live).connections.all().length).toBe(1)
  }, 60_000)

  it('that were left make room for others', async () => {
    const app = await start()
    const socket = await open(app, cookieFor(app.live, {}))
    await join(socket, dynamic(0, 5))
    const [first] = app.io.of('/dyn-0').sockets.values()
    const gone = new Promise((resolve) => first?.once('disconnect', resolve))
    socket.send('41/dyn-0,')
    await gone
    expect((await join(socket, dynamic(5, 2))).map((text) => text.slice(0, 2)).sort()).toEqual(['40', '44'])
  })

  it('count whatever rooms their sockets leave, until they are left', async () => {
    const app = await start()
    app.io.on('new_namespace', (namespace) => {
      namespace.on('connection', (socket) => void socket.leave(socket.id))
    })
    const socket = await open(app, cookieFor(app.live, {}))
    const answers: string[] = []
    for (const name of dynamic(0, 10)) answers.push(...(await join(socket, [name])))
    expect(answers.filter((text) => text.startsWith('40')).length).toBe(5)
    const [first] = app.io.of('/dyn-0').sockets.values()
    const gone = new Promise((resolve) => first?.once('disconnect', resolve))
    socket.send('41/dyn-0,')
    await gone
    expect((await join(socket, dynamic(10, 2))).map((text) => text.slice(0, 2)).sort()).toEqual(['40', '44'])
  })

  it('that are still being let in count, also one that is joined again and again', async () => {
    const app = await start()
    const gate = new Gate()
    app.io.of('/slow').use((_socket, next) => void gate.pass().then(() => next()))
    const socket = await open(app, cookieFor(app.live, {}))
    for (let i = 0; i < 50; i += 1) socket.send('40/slow,')
    for (let i = 0; i < 45; i += 1) await socket.next('44/slow,')
    gate.open()
    for (let i = 0; i < 5; i += 1) await socket.next('40/slow,')
    expect(inside(app)).toBe(5)
  })

  it('that the app refuses do not count', async () => {
    const app = await start()
    app.io.of('/closed').use((_socket, next) => next(new Error('no')))
    const socket = await open(app, cookieFor(app.live, {}))
    for (let i = 0; i < 50; i += 1) expect((await join(socket, ['/closed'])).at(-1)).toContain('"no"')
    expect((await join(socket, dynamic(0, 6))).filter((text) => text.startsWith('40')).length).toBe(5)
  })

  it('leave nothing behind where they are refused', async () => {
    const app = await start()
    const id = browserId('a-browser')
    const visitor = app.visitor(cookieFor(app.live, { browserId: id }))
    const sockets: TestSocket[] = []
    for (let i = 0; i < limits.socketsPerSubject; i += 1) sockets.push(await visitor.connect())
    for (let i = 0; i < 3; i += 1) await expect(visitor.connect('/dyn-1')).rejects.toMatchObject(REFUSED)
    const { connections, subjects } = coreOf(app.live)
    expect(connections.all().length).toBe(5)
    const conns = [...app.io.sockets.sockets.values()].map(({ conn }) => conn)
    const gone = conns.map((conn) => new Promise((resolve) => conn.once('close', resolve)))
    for (const socket of sockets) socket.io.disconnect()
    await Promise.all(gone)
    expect([connections.all().length, inside(app)]).toEqual([0, 0])
    expect(subjects.holding(browserSubject(id))).toBeUndefined()
  })

  it('of one connection take no place of another subject', async () => {
    const app = await start()
    const socket = await open(app, cookieFor(app.live, {}))
    await join(socket, dynamic(0, 6))
    await expect(app.visitor(cookieFor(app.live, {})).connect()).resolves.toBeDefined()
  })
})
