import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import type { Socket as ServerSocket } from 'socket.io'
import { z } from 'zod'
import type { Sync } from '../../shared/protocol.js'
import { App } from '../support/app.js'
import { outcome, outcomeWithin } from '../support/bounded.js'
import { Gate } from '../support/gate.js'
import type { Page } from '../support/page.js'

const page: Koa.Middleware = (ctx) => {
  if (ctx.path === '/read') ctx.body = String(ctx.liveSession.get('division'))
  else ctx.body = ctx.liveSession.snapshot()
}

afterEach(() => void jest.restoreAllMocks())

/** Lets a test decide about each event that a page sends: true where it was dealt with. */
function intercept(app: { readonly io: App['io'] }, act: (event: unknown[], socket: ServerSocket) => boolean): void {
  app.io.on('connection', (socket) => {
    socket.use((event, next) => {
      if (!act(event, socket)) next()
    })
  })
}

function answering(opened: Page, ...answers: Response[]): void {
  const { post } = opened
  opened.post = (input, init) => {
    const answer = answers.shift()
    return answer ? Promise.resolve(answer) : post.call(opened, input, init)
  }
}

describe('an answer of 200 that is not ours', () => {
  const portal = (): Response =>
    new Response('<h1>Sign in to the WiFi</h1>', { headers: { 'content-type': 'text/html' } })

  it('saves nothing, so it is not taken for saved', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor()
    const opened = await visitor.open({ path: '/', hasSocket: false })
    answering(opened, portal())
    expect(await outcome(opened.live.set('division', 5))).toBe('saved')
    expect(await visitor.text('/read')).toBe('5')
  })

  it('does not end the POSTs of a page with a socket for good', async () => {
    const app = await App.start({ routes: page })
    const opened = await app.visitor().open({ path: '/' })
    await opened.connected()
    answering(opened, portal())
    const rejections: unknown[] = []
    const hear = (error: unknown): void => void rejections.push(error)
    process.on('unhandledRejection', hear)
    const first = outcome(opened.live.set('division', 5))
    expect(await first).toBe('saved')
    process.off('unhandledRejection', hear)
    expect(rejections).toEqual([])
  })
})

describe('a page', () => {
  it('goes on where a gateway answers with an error of its own form', async () => {
    const app = await App.start({ routes: page })
    const opened = await app.visitor().open({ path: '/', hasSocket: false })
    answering(opened, Response.json({ error: { message: 'unauthorized' } }, { status: 401 }))
    expect(await outcome(opened.live.set('division', 5))).toBe('saved')
    expect(opened.live.status('division')).toEqual({ status: 'saved' })
  })

  it('goes on where a status listener of the app throws', async () => {
    const app = await App.start({ routes: page })
    const opened = await app.visitor().open({ path: '/', hasSocket: false })
    jest.spyOn(console, 'error').mockImplementation(() => undefined)
    opened.live.onStatus((_, { status }) => {
      if (status === 'saved') throw new Error('a mistake of the app')
    })
    const hear = (): void => undefined
    process.on('unhandledRejection', hear)
    await outcome(opened.live.set('division', 5))
    const second = await outcome(opened.live.set('division', 6))
    process.off('unhandledRejection', hear)
    expect(second).toBe('saved')
  })

  it('saves a valid value although an invalid one of the same key came right after it', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor()
    const opened = await visitor.open({ path: '/' })
    await opened.live.set('cart', ['a'])
    const told = opened.connected()
    const good = opened.live.set('division', 6)
    await told
    const bad = opened.live.set('division', 'x' as never)
    expect(await outcome(bad)).toBe('invalid_value')
    expect(await outcome(good)).toBe('saved')
    emptyCache(app.live)
    expect(await visitor.text('/read')).toBe('6')
  })

  it('settles both of two changes that the end of a connection has overtaken', async () => {
    const app = await App.start({ routes: page })
    const opened = await app.visitor().open({ path: '/' })
    await opened.connected()
    intercept(app, ([event, sync]) => event === 'live_session:sync' && !!(sync as Sync).set)
    const both = [opened.live.set('division', 1), opened.live.set('division', 2)]
    opened.socket?.disconnect()
    expect(await Promise.all(both.map((one) => outcome(one)))).toEqual(['saved', 'saved'])
  })

  it('is not superseded by its own former change whose answer was lost', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor(cookieFor(app.live, { values: { theme: 'dark' } }))
    const opened = await visitor.open({ path: '/', hasSocket: false })
    let posts = 0
    opened.beforePost = async () => {
      posts += 1
      if (posts === 2) throw new TypeError('fetch failed')
    }
    opened.beforeAnswer = async () => {
      if (posts === 1) throw new TypeError('connection reset')
    }
    void opened.live.set('division', 1)
    expect(opened.posts.map(({ set }) => set)).toEqual([[['division', 0, '', 1]]])
    expect(await outcome(opened.live.set('division', 2))).toBe('saved')
    expect(await visitor.text('/read')).toBe('2')
  })

  it('keeps its later change where a POST of the former one arrives late', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor()
    const opened = await visitor.open({ path: '/' })
    await opened.connected()
    opened.socket?.disconnect()
    const gate = new Gate()
    opened.beforePost = () => gate.pass()
    void opened.live.set('division', 1)
    opened.socket?.connect()
    await opened.connected()
    const told = opened.connected()
    const second = opened.live.set('division', 2)
    await outcomeWithin(told, 500)
    app.clock.advance(1)
    gate.open()
    expect(await outcome(second)).toBe('saved')
    expect(await visitor.text('/read')).toBe('2')
  })

  it('goes over what another page has written meanwhile, though it has not heard of it', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor()
    const opened = await visitor.open({ path: '/', hasSocket: false })
    await visitor.store({ set: [['division', -1, '', 9]] })
    expect(await outcome(opened.live.set('division', 5))).toBe('saved')
    expect(await visitor.text('/read')).toBe('5')
  })

  it('brings nothing back with a POST that the network has held until long after it was made again', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor(cookieFor(app.live, { values: { theme: 'dark' } }))
    const opened = await visitor.open({ path: '/', hasSocket: false })
    let lost = 0
    opened.beforePost = async () => {
      lost += 1
      if (lost === 1) throw new TypeError('no answer')
    }
    await opened.live.set('division', 5)
    app.clock.advance(1000)
    await opened.live.delete('division')
    const late = await visitor.store(opened.posts[0])
    const { results } = await late.json()
    expect([results, await visitor.text('/read')]).toEqual([[{ code: 'superseded', stamp: expect.any(Number) }], '-1'])
  })

  it('hurries where it is told to flush', async () => {
    const app = await App.start({ routes: page })
    const opened = await app.visitor().open({ path: '/', hasSocket: false })
    await opened.live.set('division', 5)
    const { length } = opened.posts
    void opened.live.set('division', 6)
    const flushed = opened.live.flush()
    // No timer: a pause would be longer than a turn.
    await new Promise((resolve) => setImmediate(resolve))
    expect(opened.posts).toHaveLength(length + 1)
    await flushed
  })

  it('goes on where the clock of its computer was set back', async () => {
    const app = await App.start({ routes: page })
    const opened = await app.visitor().open({ path: '/', hasSocket: false })
    await opened.live.set('division', 5)
    const { now } = Date
    jest.spyOn(Date, 'now').mockImplementation(() => now() - 60 * 60 * 1000)
    expect(await outcome(opened.live.set('division', 6))).toBe('saved')
  })

  it('shows what the schema made of its value', async () => {
    const fields = defineFields({
      level: { schema: z.number().transform((level) => Math.min(level, 5)), default: 0, client: 'write' },
    })
    const app = await App.start({ fields, routes: page })
    const opened = await app.visitor().open({ path: '/' })
    await opened.live.set('level' as never, 9 as never)
    expect(opened.live.get('level' as never)).toBe(5)
  })

  it('says of a field that is kept out of the cookie that there is no store, and keeps showing it', async () => {
    const fields = defineFields({ note: { schema: z.string(), default: '', client: 'write', cookie: false } })
    const app = await App.start({ fields, routes: page })
    const { live } = await app.visitor().open({ path: '/' })
    expect(await outcome(live.set('note' as never, 'x' as never))).toBe('store_unavailable')
    expect(live.status('note' as never)).toEqual({ status: 'rejected', reason: 'store_unavailable' })
    expect(live.get('note' as never)).toBe('x')
  })

  it('ends a subscription that ends itself at its first call', async () => {
    const app = await App.start({ routes: page })
    const { live } = await app.visitor().open()
    const heard: unknown[] = []
    const end = live.subscribe('division', (value) => {
      heard.push(value)
      end()
    })
    await live.ready
    await live.set('division', 5)
    expect(heard).toEqual([-1])
  })
})
