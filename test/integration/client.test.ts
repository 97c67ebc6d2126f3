import { describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import { awaited, once } from '../support/app/awaited.js'
import { outcome } from '../support/app/bounded.js'
import { fastTime } from '../support/app/fast-time.js'
import { Gate } from '../support/app/gate.js'
import { startWithUsers, values } from '../support/app/users.js'
import { turns } from '../support/app/within.js'
import type { Page } from '../support/page/page.js'

fastTime(10)

describe('client', () => {
  const routes: Koa.Middleware = async (ctx) => {
    if (ctx.path === '/set') void ctx.liveSession.set('division', 4)
    ctx.body = ctx.liveSession.snapshot()
  }

  const add = (item: string) => (cart: readonly string[]) => [...cart, item]

  const inCookie = async (page: Page): Promise<Record<string, unknown>> =>
    JSON.parse(await page.visitor.text('/')).values

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

    it.each(['/', '/admin', '/admin/deep'])(
      'with a socket of namespace %s hears other namespaces',
      async (namespace) => {
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
      },
    )

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
      const sent = page.requests.map(
        (init) => new Request('https://app.example', { ...init, signal: null }).credentials,
      )
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
})

/** A guest's page with `old` in the cart, while ann signs in from the same browser. */
interface Moment {
  readonly app: App
  readonly page: Page
  /** Holds the response of the sign-in; open by default. */
  answer: Gate
  /** Adds `new` to the cart. */
  add(): void
  /** Resolves when the browser has ann's cookie. */
  signIn(): Promise<unknown>
}

type Order = (moment: Moment) => Promise<unknown>

/** Returns the page's events, its cart after the update, and ann's final cart. */
async function play(order: Order, hasSocket: boolean) {
  const answer = new Gate()
  answer.open()
  const routes: Koa.Middleware = async (ctx, next) => {
    await pages(ctx, next)
    if (ctx.path.startsWith('/login')) await moment.answer.pass()
  }
  const app = await startWithUsers({ routes })
  const visitor = app.visitor()
  await visitor.store()
  const page = await visitor.open({ path: '/page', hasSocket })
  const events: unknown[] = []
  let isSettled: Promise<unknown> = Promise.resolve()
  const moment: Moment = {
    app,
    page,
    answer,
    add: () => {
      isSettled = outcome(page.live.update('cart', (cart) => [...cart, 'new'])).then((result) => {
        events.push(result, page.live.get('cart'))
      })
    },
    signIn: () => visitor.fetch('/login/now?user=ann'),
  }
  if (hasSocket) await page.connected()
  await page.live.set('cart', ['old'])
  page.live.onVisitor(({ kind }) => events.push(kind))
  await order(moment)
  await isSettled
  const elsewhere = app.visitor()
  moment.answer.open()
  const { cart } = await values(elsewhere, '/login/now?user=ann')
  return { events, cart }
}

/** Intercepts the page's packets before the server handles them. */
function intercept({ app }: Moment, meet: (packet: unknown[]) => Promise<void>): void {
  for (const socket of app.io.sockets.sockets.values())
    socket.use((packet, next) => void meet(packet).then(() => next()))
}

/** Signs ann in while the page's POST waits, either to be sent or to have its answer read. */
async function heldUp({ page, add, signIn }: Moment, where: 'beforePost' | 'beforeAnswer'): Promise<void> {
  const post = new Gate()
  page[where] = () => post.pass()
  add()
  await post.entered
  await signIn()
  post.open()
}

const heard = ({ page }: Moment, event: string): Promise<unknown> => once(page.socket, event)

const ACCEPTED: readonly (readonly [name: string, hasSocket: boolean, order: Order])[] = [
  [
    'loses its acknowledgement',
    true,
    async (moment) => {
      intercept(moment, async (packet) => void packet.splice(-1, 1, () => undefined))
      const ticket = heard(moment, 'store_session')
      const post = new Gate()
      // A POST that arrives before the sign-in would save the update.
      moment.page.beforePost = () => post.pass()
      moment.add()
      await ticket
      await moment.signIn()
      post.open()
    },
  ],
  ['was acknowledged, but not POSTed', true, (moment) => heldUp(moment, 'beforePost')],
  ['was POSTed and awaits the answer', true, (moment) => heldUp(moment, 'beforeAnswer')],
]

const DISCARDED: typeof ACCEPTED = [
  [
    'is in flight over the socket',
    true,
    async (moment) => {
      const way = new Gate()
      intercept(moment, () => way.pass())
      moment.add()
      await way.entered
      await moment.signIn()
      way.open()
    },
  ],
  ['is in flight as a POST', false, (moment) => heldUp(moment, 'beforePost')],
  [
    'follows the reconnect notice, before the new cookie',
    true,
    async (moment) => {
      moment.answer = new Gate()
      const end = heard(moment, 'live_session:reconnect')
      const signedIn = moment.signIn()
      await end
      moment.add()
      moment.answer.open()
      await signedIn
    },
  ],
  [
    'follows the new cookie, while the page awaits an answer',
    true,
    async ({ page, add, signIn }) => {
      const answer = new Gate()
      page.beforeAnswer = () => answer.pass()
      await signIn()
      await answer.entered
      add()
      answer.open()
    },
  ],
]

describe("a guest's update during a sign-in in another tab", () => {
  it.each(ACCEPTED)('that %s is superseded in the page, but reaches the account', async (_, hasSocket, order) => {
    const cart = ['old', 'new']
    expect(await play(order, hasSocket)).toEqual({ events: ['user', 'superseded', cart], cart })
  })

  it('is saved if the server handled its POST before the sign-in', async () => {
    const cart = ['old', 'new']
    expect(await play((moment) => heldUp(moment, 'beforeAnswer'), false)).toEqual({ events: ['saved', cart], cart })
  })

  it.each(DISCARDED)('is superseded and discarded if it %s', async (_, hasSocket, order) => {
    const cart = ['old']
    expect(await play(order, hasSocket)).toEqual({ events: ['user', 'superseded', cart], cart })
  })
})

/** A store whose updates wait at a gate. */
function gatedStore() {
  const gate = new Gate()
  const content = memoryStore()
  const store = Object.assign(Object.create(content) as typeof content, {
    compareAndSet: async (...args: Parameters<typeof content.compareAndSet>) => {
      await gate.pass()
      return await content.compareAndSet(...args)
    },
  })
  return { gate, store }
}

describe("a guest's update that the store accepts after the sign-in", () => {
  it('is superseded, and reaches no account', async () => {
    const { gate, store } = gatedStore()
    const app = await startWithUsers({ routes: pages, options: { store } })
    const visitor = app.visitor()
    const { who } = await (await visitor.store()).json()
    const answer = visitor.store({ who, set: [['division', 0, 'abc', 7]] })
    await gate.entered
    await visitor.fetch('/login/now?user=ann')
    gate.open()
    expect((await (await answer).json()).results).toEqual([{ code: 'superseded' }])
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })

  it.each(['identify', 'leave'] as const)('leaves nothing in the store after %s()', async (method) => {
    const { gate, store } = gatedStore()
    const names = new Set<string>()
    const { compareAndSet } = store
    store.compareAndSet = (name, ...write) => {
      names.add(name)
      return compareAndSet(name, ...write)
    }
    const routes: Koa.Middleware = async (ctx) => {
      const code = ctx.liveSession.update('cart', () => ['milk']).catch(({ code }) => code)
      await gate.entered
      ctx['session'].user = 'ann'
      await ctx.liveSession[method]()
      gate.open()
      ctx.body = { code: await code }
    }
    const app = await startWithUsers({ routes, options: { store } })
    expect(await values(app.visitor())).toEqual({ code: 'superseded' })
    await app.live.settled()
    const rows = await Promise.all(Array.from(names, (name) => store.load(name)))
    expect(rows.flat().filter(({ key }) => key === 'cart')).toEqual([])
  })
})
