import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import { awaited } from '../support/app/awaited.js'
import { outcome } from '../support/app/bounded.js'
import { fastTime } from '../support/app/fast-time.js'
import { Gate } from '../support/app/gate.js'
import { startWithUsers, values } from '../support/app/users.js'
import { turns } from '../support/app/within.js'
import type { Page } from '../support/page/page.js'

fastTime(10)

afterEach(() => void jest.restoreAllMocks())

const routes: Koa.Middleware = async (ctx) => {
  if (ctx.path === '/set') void ctx.liveSession.set('division', 4)
  ctx.body = ctx.liveSession.snapshot()
}

const add = (item: string) => (cart: readonly string[]) => [...cart, item]

const inCookie = async (page: Page): Promise<Record<string, unknown>> => JSON.parse(await page.visitor.text('/')).values

describe('a page', () => {
  it('has embedded values immediately, other values after the first ticket', async () => {
    const app = await App.start({ routes })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 4 } }))
    const rendered = await visitor.open({ path: '/' })
    expect(rendered.live.get('division')).toBe(4)
    const bare = await visitor.open()
    expect(() => bare.live.get('division')).toThrow(
      'koa-live-session: get("division") before the first values: put ctx.liveSession.embed() into the page, pass initial, or await live.ready',
    )
    await bare.live.ready
    expect([bare.live.get('division'), bare.live.has('division'), bare.live.has('cart')]).toEqual([4, true, false])
  })

  it('shows the default after a deletion, also on the next page', async () => {
    const app = await App.start({ routes })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 4 } }))
    const { live } = await visitor.open({ path: '/' })
    await live.delete('division')
    for (const each of [live, (await visitor.open({ path: '/' })).live]) {
      expect([each.get('division'), each.has('division')]).toEqual([-1, false])
      expect(each.status('division')).toEqual({ status: 'saved' })
    }
  })

  it('allows a subscriber to unsubscribe in its first call', async () => {
    const app = await App.start({ routes })
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

  it.each(['/', '/admin', '/admin/deep'])('with a socket of namespace %s hears other namespaces', async (namespace) => {
    const app = await App.start({ routes })
    app.io.of('/admin')
    app.io.of('/admin/deep')
    const visitor = app.visitor()
    const one = await visitor.open({ path: '/', namespace })
    const two = await visitor.open({ path: '/', namespace: '/admin' })
    await Promise.all([one.connected(), two.connected()])
    await one.live.set('division', 3)
    await two.shows('division', 3)
    await two.live.set('division', 4)
    await one.shows('division', 4)
  })

  it('calls headers() for each POST', async () => {
    let token = 0
    const guard: Koa.Middleware = (ctx, next) => {
      if (ctx.method === 'POST' && ctx.get('x-token') !== String(token)) ctx.throw(403)
      return next()
    }
    const app = await App.start({ routes, before: () => [guard], attach: { handshake: [] } })
    const opened = await app.visitor().open({ path: '/', headers: () => ({ 'x-token': String(token) }) })
    await opened.live.set('division', 3)
    token = 1
    await opened.live.set('division', 4)
    expect(opened.live.status()).toEqual({ status: 'saved' })
  })

  it.each([
    [undefined, 'same-origin'],
    ['include', 'include'],
  ] as const)('passes credentials %s to fetch as %s', async (credentials, expected) => {
    const app = await App.start({ routes })
    const page = await app.visitor().open(credentials ? { credentials } : {})
    await page.live.set('division', 3)
    const sent = page.requests.map((init) => new Request('https://app.example', { ...init, signal: null }).credentials)
    expect([...new Set(sent)]).toEqual([expected])
  })

  it('migrates a stored value before an update', async () => {
    const build = (schema: z.ZodType, migrate?: (stored: unknown) => unknown) => {
      const cart = { schema, default: [], client: 'write' as const, ...(migrate && { migrate }) }
      return defineFields({ cart: cart as never })
    }
    const old = await App.start({ fields: build(z.string().or(z.array(z.string()))), routes })
    const cookie = cookieFor(old.live, { values: { cart: 'a' } } as never)
    const app = await App.start({ fields: build(z.array(z.string()), (stored) => [stored]), routes, port: 0 })
    const page = await app.visitor(cookie).open({ path: '/' })
    expect(page.live.get('cart')).toEqual(['a'])
    await page.live.update('cart', add('b'))
    expect(await inCookie(page)).toEqual({ cart: ['a', 'b'] })
  })
})

describe('a listener that asks the server for a view', () => {
  /** Opens a page which asks a socket handler for the value at each change. */
  async function follow(prepare: (page: Page) => Promise<unknown>) {
    const app = await App.start({ routes })
    const views: unknown[] = []
    const shown: unknown[] = []
    let arrived = (): void => undefined
    app.io.on('connection', (socket) => {
      socket.on('view', () => {
        views.push(socket.liveSession.get('division'))
        arrived()
      })
    })
    const page = await app.visitor().open({ path: '/' })
    await prepare(page)
    page.live.onChange(({ key, value }) => {
      shown.push([key, value])
      page.socket.emit('view')
    })
    const viewed = async (count: number): Promise<unknown[]> => {
      while (views.length < count) await awaited('a view', new Promise<void>((resolve) => (arrived = resolve)))
      return views
    }
    return { page, shown, viewed }
  }

  it.each<[string, (page: Page) => unknown, unknown]>([
    ['set', ({ live }) => live.set('division', 5), 5],
    ['field().update', ({ live }) => live.field('division').update((division) => division + 4), 5],
    ['delete', ({ live }) => live.delete('division'), -1],
  ])('gets the value just changed by %s', async (_, change, value) => {
    const { page, shown, viewed } = await follow(async (page) => {
      await page.connected()
      await page.live.set('division', 1)
    })
    change(page)
    expect([page.live.get('division'), shown]).toEqual([value, [['division', value]]])
    expect(await viewed(1)).toEqual([value])
  })

  it('gets a value that the page sets right after connecting', async () => {
    const { page, shown, viewed } = await follow(async () => undefined)
    page.socket.on('connect', () => void page.live.set('division', 5))
    expect([await viewed(1), shown]).toEqual([[5], [['division', 5]]])
  })
})

describe('a page, after another user signs in', () => {
  it.each([true, false])("discards Ann's offline changes (socket: %s)", async (hasSocket) => {
    const app = await startWithUsers({ routes: pages })
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=ann')
    const opened = await visitor.open({ path: '/page', hasSocket })
    if (hasSocket) {
      await opened.connected()
      opened.socket.disconnect()
    }
    const mend = opened.cutPosts()
    const saved = outcome(opened.live.set('division', 5))
    await opened.reaches('division', 'offline')
    await visitor.fetch('/login/now?user=bob')
    mend()
    void opened.live.flush()
    expect([await saved, opened.live.get('division')]).toEqual(['superseded', -1])
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })

  it('rejects a change as superseded if its HTML has no snapshot', async () => {
    const app = await startWithUsers({ routes: pages })
    const visitor = app.visitor()
    await visitor.fetch('/login/now?user=bob')
    const opened = await visitor.open({ hasSocket: false })
    await opened.live.set('theme', 'dark')
    await visitor.fetch('/login/now?user=ann')
    expect(await outcome(opened.live.set('division', 3))).toBe('superseded')
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })
})

it('a closed page does not reconnect its socket after a late response', async () => {
  const app = await startWithUsers({ routes: pages })
  const visitor = app.visitor()
  await visitor.fetch('/login/now?user=ann')
  const opened = await visitor.open()
  await opened.live.ready
  opened.socket.disconnect()
  await visitor.fetch('/logout?unused')
  const live = visitor.cookie.split('; ').filter((pair) => !pair.startsWith('app'))
  Object.assign(opened.socket.io.opts, { extraHeaders: { cookie: live.join('; '), origin: visitor.url } })
  const [asked, answered] = [new Gate(), new Gate()]
  opened.beforePost = () => asked.pass()
  opened.beforeAnswer = async () => void answered.pass()
  opened.socket.connect()
  await asked.entered
  opened.close()
  const connect = jest.fn()
  Object.assign(opened.socket, { connect })
  asked.open()
  await answered.entered
  // Let the page read the response.
  await turns(10)
  expect(connect).not.toHaveBeenCalled()
})
