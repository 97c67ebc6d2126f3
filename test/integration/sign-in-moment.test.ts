import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { memoryStore } from 'koa-live-session/testing'
import type { App } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import { outcome } from '../support/app/bounded.js'
import { Gate } from '../support/app/gate.js'
import { startWithUsers, values } from '../support/app/users.js'
import type { Page } from '../support/page/page.js'

/** A guest's page, in whose cart is `old`, while ann signs in at the same browser. */
interface Moment {
  app: App
  readonly page: Page
  /** Where the answer to the sign-in waits, once her browser is hers to the server; open unless a test has made it another one. */
  answer: Gate
  /** Adds `new` to the cart. */
  add(): void
  /** Resolves when the browser has ann's cookie. */
  signIn(): Promise<unknown>
  /** The process dies, and another one takes its place. */
  restart(): Promise<void>
}

type Order = (moment: Moment) => Promise<unknown>

/** What the page is told, with what it shows then; and what is in ann’s cart at the end. */
async function happens(order: Order, hasSocket: boolean) {
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
  const told: unknown[] = []
  let isTold: Promise<unknown> = Promise.resolve()
  const moment: Moment = {
    app,
    page,
    answer,
    add: () => {
      isTold = outcome(page.live.update('cart', (cart) => [...cart, 'new'])).then((what) => {
        told.push(what, page.live.get('cart'))
      })
    },
    signIn: () => visitor.fetch('/login/now?user=ann'),
    restart: async () => {
      const { port, clock } = app
      await app.stop({ isCrash: true })
      moment.app = await startWithUsers({ routes, port, clock })
    },
  }
  if (hasSocket) await page.connected()
  await page.live.set('cart', ['old'])
  page.live.onVisitor(({ kind }) => told.push(kind))
  await order(moment)
  await isTold
  const elsewhere = moment.app.visitor()
  moment.answer.open()
  const { cart } = await values(elsewhere, '/login/now?user=ann')
  return { told, cart }
}

/** What the page sends over its socket meets that, on its way to the server. */
function onItsWay({ app }: Moment, meet: (packet: unknown[]) => Promise<void>): void {
  for (const socket of app.io.sockets.sockets.values())
    socket.use((packet, next) => void meet(packet).then(() => next()))
}

/** Ann signs in while the page's POST waits there. */
async function heldUp({ page, add, signIn }: Moment, where: 'beforePost' | 'beforeAnswer'): Promise<void> {
  const post = new Gate()
  page[where] = () => post.pass()
  add()
  await post.entered
  await signIn()
  post.open()
}

const heard = ({ page }: Moment, event: string): Promise<void> =>
  new Promise((resolve) => page.socket.once(event, () => resolve()))

const TAKEN: readonly (readonly [name: string, hasSocket: boolean, order: Order])[] = [
  [
    'was taken, and whose acknowledgement is lost',
    true,
    async (moment) => {
      onItsWay(moment, async (packet) => void packet.splice(-1, 1, () => undefined))
      const ticket = heard(moment, 'store_session')
      moment.add()
      await ticket
      await moment.signIn()
    },
  ],
  ['was acknowledged, and whose ticket is not yet posted', true, (moment) => heldUp(moment, 'beforePost')],
  ['was posted with its ticket, and the answer is on its way', true, (moment) => heldUp(moment, 'beforeAnswer')],
]

const NOT_TAKEN: typeof TAKEN = [
  [
    'is on its way over the socket',
    true,
    async (moment) => {
      const way = new Gate()
      onItsWay(moment, () => way.pass())
      moment.add()
      await way.entered
      await moment.signIn()
      way.open()
    },
  ],
  ['is on its way as a POST', false, (moment) => heldUp(moment, 'beforePost')],
  [
    'is made once the page has heard that its connection ends, before the browser has the cookie',
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
    'is made once the browser has the cookie, before the page has heard whose it is',
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
  [
    'was taken by a process that has died since, before its ticket is posted',
    true,
    async ({ page, add, signIn, restart }) => {
      const post = new Gate()
      page.beforePost = () => post.pass()
      add()
      await post.entered
      page.socket.disconnect()
      await restart()
      await signIn()
      post.open()
      await page.comeBack()
    },
  ],
  [
    'is made while the page is offline',
    true,
    async ({ page, add, signIn }) => {
      const mend = page.cutPosts()
      page.socket.disconnect()
      add()
      await signIn()
      mend()
      await page.comeBack()
    },
  ],
]

describe('an update of a guest’s page, as ann signs in at that browser in another tab, ends as superseded', () => {
  it.each(TAKEN)('and goes to her cart, where it %s', async (_, hasSocket, order) => {
    const cart = ['old', 'new']
    expect(await happens(order, hasSocket)).toEqual({ told: ['user', 'superseded', cart], cart })
  })

  it('but for one that was posted without a socket, and whose answer is on its way: that is saved', async () => {
    const cart = ['old', 'new']
    expect(await happens((moment) => heldUp(moment, 'beforeAnswer'), false)).toEqual({ told: ['saved', cart], cart })
  })

  it.each(NOT_TAKEN)('and is dropped, where it %s', async (_, hasSocket, order) => {
    const cart = ['old']
    expect(await happens(order, hasSocket)).toEqual({ told: ['user', 'superseded', cart], cart })
  })
})

/** Returns a gate, and a store whose updates wait at it. */
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

describe('what a guest has computed, and the store takes only after the sign-in', () => {
  it('is refused, and in no one’s account', async () => {
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

  it('rejects as superseded in the request that signs in', async () => {
    const { gate, store } = gatedStore()
    const routes: Koa.Middleware = async (ctx) => {
      const added = ctx.liveSession.update('cart', () => ['milk'])
      const code = added.then(
        ({ level }) => level,
        ({ code }) => code,
      )
      await gate.entered
      ctx['session'].user = 'ann'
      await ctx.liveSession.identify()
      gate.open()
      ctx.body = { code: await code, cart: ctx.liveSession.get('cart') }
    }
    const app = await startWithUsers({ routes, options: { store } })
    expect(await values(app.visitor())).toEqual({ code: 'superseded', cart: [] })
  })

  it.each(['identify', 'leave'] as const)('leaves nothing of the guest in the store after %s()', async (method) => {
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
