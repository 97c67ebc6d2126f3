import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { memoryStore } from 'koa-live-session/testing'
import type { App } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import { once } from '../support/app/awaited.js'
import { outcome } from '../support/app/bounded.js'
import { fastTime } from '../support/app/fast-time.js'
import { Gate } from '../support/app/gate.js'
import { startWithUsers, values } from '../support/app/users.js'
import type { Page } from '../support/page/page.js'

fastTime(10)

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
      moment.add()
      await ticket
      await moment.signIn()
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
