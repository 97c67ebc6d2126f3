import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { connect, type Socket } from 'socket.io-client'
import { z } from 'zod'
import { storeName } from '../../server/kernel/names/stored-name.js'
import { browserSubject } from '../../server/kernel/names/subject.js'
import type { SyncAnswer } from '../../shared/protocol.js'
import { App } from '../support/app/app.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'
import { atScale } from '../support/app/scale.js'
import { readClaims } from '../support/app/socket.js'
import { cookieContent } from '../support/app/users.js'
import { Visitor } from '../support/app/visitor.js'
import { within } from '../support/app/within.js'
import type { Page } from '../support/page/page.js'

describe('sockets of many users that come back at once after a restart', () => {
  const USERS = atScale(5, 20)

  const TABS = 5

  const fields = defineFields({
    division: { schema: z.number().int(), default: -1, client: 'write', cookie: false },
    theme: { schema: z.string(), default: 'light', client: 'write', scope: 'browser' },
  })

  const identify = (ctx: Koa.Context): string | undefined => ctx.get('x-user') || undefined

  const routes: Koa.Middleware = async (ctx) => {
    await ctx.liveSession.setMany({ division: Number(ctx.get('x-user')), theme: `of ${ctx.get('x-user')}` })
    ctx.body = ''
  }

  const sockets: Socket[] = []

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.disconnect()
  })

  /** The tabs of a user's browser, which come back by themselves when they have lost their connection. */
  function openTabs({ url, cookie }: Visitor, user: string): readonly Socket[] {
    const extraHeaders = { cookie, origin: url, 'x-user': user }
    const options = { transports: ['websocket'], forceNew: true, reconnectionDelay: 10, reconnectionDelayMax: 50 }
    return Array.from({ length: TABS }, () => {
      const socket = connect(url, { ...options, extraHeaders })
      sockets.push(socket)
      return socket
    })
  }

  /** Values by key, once a connection has told of both. */
  function greeted(socket: Socket): Promise<unknown> {
    const values = new Map<string, unknown>()
    return new Promise((resolve) => {
      const hear = (ticket: string): void => {
        for (const [key, , value] of readClaims(ticket).changes) values.set(key, value)
        if (values.size < 2) return
        socket.off('store_session', hear)
        resolve(Object.fromEntries(values))
      }
      socket.on('store_session', hear)
      socket.once('connect', () => {
        socket.emit('live_session:sync', {}, ({ greeting }: SyncAnswer) => greeting?.forEach(hear))
      })
    })
  }

  it('make one load for each subject, and each is told what is stored', async () => {
    const store = memoryStore()
    const clock = testClock()
    const loads: string[] = []
    const load = store.load.bind(store)
    let gate: Gate | undefined
    Object.assign(store, {
      load: async (subject: string) => {
        loads.push(subject)
        await gate?.pass()
        return load(subject)
      },
    })
    const start = (port = 0): Promise<App<typeof fields>> =>
      App.start({
        fields,
        routes,
        clock,
        port,
        options: { store, identify } as never,
        attach: { handshake: [] },
      })
    const before = await start()
    const { port } = before
    const users = Array.from({ length: USERS }, (_, at) => ({ user: String(at), visitor: before.visitor() }))
    for (const { user, visitor } of users) await visitor.fetch('/', { headers: { 'x-user': user } })
    const tabs = users.flatMap(({ user, visitor }) => openTabs(visitor, user).map((socket) => ({ user, socket })))
    await Promise.all(tabs.map(({ socket }) => greeted(socket)))
    await before.stop()
    loads.length = 0
    gate = new Gate()
    const back = tabs.map(({ socket }) => greeted(socket))
    const { io } = await start(port)
    // All of a subject's ask while the first load is under way.
    await within(
      async () => io.engine.clientsCount,
      (count) => count === tabs.length,
    )
    gate.open()
    expect(await Promise.all(back)).toEqual(tabs.map(({ user }) => ({ division: Number(user), theme: `of ${user}` })))
    const subjects = users.flatMap(({ user, visitor }) => [
      `user:s:${user}`,
      storeName(browserSubject(cookieContent(visitor).browser)),
    ])
    expect(loads.toSorted()).toEqual(subjects.toSorted())
  })
})

describe('pages that have polling alone, behind two workers and @socket.io/sticky', () => {
  const ends: (() => unknown)[] = []

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })

  /** Where two worker processes are, to which a primary hands connections. */
  async function startSticky(): Promise<string> {
    const file = fileURLToPath(new URL('../support/servers/sticky-worker.ts', import.meta.url))
    const child = fork(file, { execArgv: ['--import', 'tsx'] })
    ends.push(async () => {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    })
    const [url] = await once(child, 'message')
    return url
  }

  function workerOf({ socket }: Page): string | undefined {
    return socket?.io.engine.id?.[0]
  }

  it('hear what a tab at the other worker sets, and save it', async () => {
    const visitor = new Visitor(await startSticky())
    const pages: Page[] = []
    ends.push(async () => {
      const closed = pages.map(
        ({ socket }) => new Promise((resolve) => present(socket).io.engine.once('close', resolve)),
      )
      visitor.leave()
      await Promise.all(closed)
    })
    await visitor.fetch('/login/now?user=ann')
    const open = async (): Promise<Page> => {
      const page = await visitor.open({ transports: ['polling'] })
      pages.push(page)
      await page.live.ready
      return page
    }
    const one = await open()
    const two = await within(open, (page) => workerOf(page) !== workerOf(one))
    const workers = [one, two].map((page) => [workerOf(page), page.socket.io.engine.transport.name])
    expect(workers.toSorted()).toEqual([
      ['1', 'polling'],
      ['2', 'polling'],
    ])
    const heard = two.shows('division', 3)
    await one.live.set('division', 3)
    await heard
    const back = one.shows('cart', ['a'])
    await two.live.set('cart', ['a'])
    await back
    expect(one.live.get('division')).toBe(3)
  })
})
