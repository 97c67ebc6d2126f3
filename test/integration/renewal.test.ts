import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import session from 'koa-session'
import { App } from '../support/app/app.js'
import { AuthStore, identify, pages } from '../support/app/auth.js'
import { awaited } from '../support/app/awaited.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { idleIntervals } from '../support/app/idle-intervals.js'
import { longTimers } from '../support/app/long-timers.js'
import type { Visitor } from '../support/app/visitor.js'
import type { Page, PageOptions } from '../support/page/page.js'
import { windowEvents } from '../support/page/window-events.js'

const MINUTES = 60_000
const HOUR = 60 * MINUTES

// A recheck two seconds after the handshake, with the handshake's cookie, would make the page drop a POST to reconnect.
idleIntervals()
const timers = longTimers(10)
const dispatch = windowEvents()
let now = 0
beforeEach(() => {
  now = Date.now()
  jest.spyOn(Date, 'now').mockImplementation(() => now)
})

/** An app whose live cookie and session last an hour. */
function start(options: { readonly store?: AuthStore; readonly renew?: boolean } = {}): Promise<App> {
  const { store, renew = false } = options
  return App.start({
    before: (koa: Koa) => [
      session({ key: 'app', rolling: !renew, renew, maxAge: HOUR, ...(store ? { store } : {}) }, koa),
    ],
    options: { identify, maxAge: HOUR, clock: () => now } as never,
    routes: pages,
  })
}

async function open(app: App, options: PageOptions = {}): Promise<{ readonly ann: Visitor; readonly page: Page }> {
  const ann = app.visitor()
  await ann.fetch('/login/now?user=ann')
  await ann.fetch('/set?values={"division":3}')
  const page = await ann.open({ path: '/page', ...options })
  if (options.hasSocket ?? true) await page.connected()
  // A POST in flight would count as the next use.
  await page.live.flush()
  return { ann, page }
}

function pass(ms: number): void {
  now += ms
  timers.end()
}

/** Uses the page; resolves with the status of its POST. */
async function use(page: Page, event = 'keydown'): Promise<number> {
  const renewed = timers.next()
  const status = await new Promise<number>((resolve) => {
    page.beforeAnswer = async (answer) => resolve(answer.status)
    dispatch(event)
  })
  if (status === 200) await renewed
  return status
}

describe('a page open for three cookie lifetimes', () => {
  it.each([
    ['with a cookie session and a socket', {}, {}],
    ['with a cookie session, without a socket', {}, { hasSocket: false }],
    ['with a stored session', { store: new AuthStore() }, {}],
    ['with renew', { renew: true }, {}],
  ])('%s, keeps its user while used', async (_, options, how) => {
    const app = await start(options)
    const { ann, page } = await open(app, how)
    const expires = cookieContent(ann).exp
    for (let count = 0; count < 9; count += 1) {
      pass(20 * MINUTES)
      expect(await use(page, count % 2 === 0 ? 'keydown' : 'pointerdown')).toBe(200)
    }
    expect(cookieContent(ann).exp - expires).toBe(3 * HOUR)
    app.io.disconnectSockets(true)
    const users: unknown[] = []
    app.io.on('connection', (socket) => users.push([socket.liveSession.userId, socket.liveSession.get('division')]))
    await ann.connect()
    expect(users).toEqual([['ann', 3]])
    expect(await (await ann.fetch('/')).json()).toMatchObject({ division: 3 })
  })

  it('loses its cookie if unused', async () => {
    const app = await start()
    const { ann, page } = await open(app)
    const before = page.posts.length
    for (let count = 0; count < 9; count += 1) {
      pass(20 * MINUTES)
      page.socket.disconnect()
    }
    expect(page.posts).toHaveLength(before)
    expect(ann.cookie).toBe('')
    expect(await (await ann.fetch('/')).json()).toMatchObject({ division: -1 })
  })
})

describe('a page whose session ended elsewhere', () => {
  it("becomes a guest's at its next use", async () => {
    const store = new AuthStore()
    const app = await start({ store })
    const { page } = await open(app)
    store.sessions.clear()
    const visitor = new Promise((resolve) => page.live.onVisitor(resolve))
    pass(20 * MINUTES)
    expect(await use(page)).toBe(200)
    expect(await awaited('the visitor', visitor)).toEqual({ kind: 'guest', id: undefined })
    expect(page.live.get('division')).toBe(-1)
  })
})

describe('the renewal interval', () => {
  it.each([
    [HOUR, HOUR, undefined],
    [20 * MINUTES, HOUR, undefined],
    [20 * MINUTES - 4000, HOUR, 299],
    [HOUR, MINUTES, 15],
    [HOUR, 'session', undefined],
    [1000, HOUR, 1],
  ] as const)('is a quarter of the shorter lifetime: %p and %p', async (maxAge, own, renew) => {
    const app = await App.start({
      before: (koa) => [session({ key: 'app', maxAge: own }, koa)],
      options: { maxAge, clock: () => now },
      routes: pages,
    })
    const visitor = app.visitor()
    expect(((await (await visitor.fetch('/page')).json()) as { renew?: number }).renew).toBe(renew)
    expect((await (await visitor.connect()).greeted).renew).toBe(renew)
  })
})
