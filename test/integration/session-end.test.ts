import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import { type EndingSession, onSessionEnd } from 'koa-live-session/client'
import session, { type CreateSessionOptions } from 'koa-session'
import { App } from '../support/app/app.js'
import { AuthStore, identify, pages } from '../support/app/auth.js'
import { awaited } from '../support/app/awaited.js'
import { idleIntervals } from '../support/app/idle-intervals.js'
import { longTimers } from '../support/app/long-timers.js'
import { DAY, HOUR, MINUTE } from '../support/app/times.js'
import type { Visitor } from '../support/app/visitor.js'
import type { Page } from '../support/page/page.js'
import { windowEvents } from '../support/page/window-events.js'

idleIntervals()
const timers = longTimers()
const dispatch = windowEvents()
/** The server's clock. */
let now = 0
/** How far the page's clocks are ahead: `Date.now()`, which also koa-session reads, and `performance.now()`. */
let dateJump = 0
let monotonicJump = 0
beforeEach(() => {
  now = Date.now()
  dateJump = 0
  monotonicJump = 0
  jest.spyOn(Date, 'now').mockImplementation(() => now + dateJump)
  jest.spyOn(performance, 'now').mockImplementation(() => now + monotonicJump)
})

interface Given {
  readonly session?: CreateSessionOptions
  readonly lifetime?: number
  readonly options?: object
  /** Whether `ctx.session` is in `live.sessionStore()`. @default true */
  readonly isOurs?: boolean
}

/** Starts an app whose sessions last an hour, and move with each use. */
function start({ session: own, lifetime = Infinity, options, isOurs = true }: Given = {}): Promise<App> {
  return App.start({
    before: (koa, live) => {
      const store = isOurs ? { store: live.sessionStore({ maxLifetime: lifetime }) } : {}
      return [session({ key: 'app', maxAge: HOUR, rolling: true, ...store, ...own }, koa)]
    },
    options: { identify, clock: () => now, ...options } as never,
    routes: pages,
  })
}

type Seen = EndingSession & { readonly minutes: number }

/** A page, what its listener has heard, and the next that it hears. */
type Open = { readonly page: Page; readonly seen: Seen[]; next(): Promise<string> }

async function open(ann: Visitor, how: { hasSocket?: boolean } = {}): Promise<Open> {
  const page = await ann.open({ path: '/page', hasSocket: false, ...how })
  if (how.hasSocket) await page.connected()
  await page.live.flush()
  const seen: Seen[] = []
  let tell: (() => void) | undefined
  onSessionEnd(page.live, (one) => {
    seen.push({ ...one, minutes: Math.round(one.left / 1000) / 60 })
    tell?.()
  })
  // The next look at the clock is planned once the answer has come.
  await awaited('the answer', timers.next())
  const next = async (): Promise<string> => {
    await awaited('the listener', new Promise<void>((resolve) => (tell = resolve)))
    const { status, minutes, canExtend } = seen.at(-1) as Seen
    return `${status} ${minutes}${canExtend ? '' : ' fixed'}`
  }
  return { page, seen, next }
}

async function signIn(app: App): Promise<Visitor> {
  const ann = app.visitor()
  await ann.fetch('/login/now?user=ann')
  return ann
}

/** Lets time pass, for the server and the page, and fires the page's timers. */
function pass(ms: number): void {
  now += ms
  timers.end()
}

const questions = ({ posts }: Page): number => posts.filter(({ extend }) => extend === false).length

describe('onSessionEnd', () => {
  it.each<[string, Given, { hasSocket?: boolean }]>([
    ['with a socket', {}, { hasSocket: true }],
    ['without a socket', {}, {}],
    ['with koa-session in the cookie', { isOurs: false }, {}],
    ['with renew', { session: { rolling: false, renew: true } }, {}],
    ['with another store', { isOurs: false, session: { store: new AuthStore() } }, {}],
    ['with the live cookie alone', { isOurs: false, session: { maxAge: DAY }, options: { maxAge: HOUR } }, {}],
  ])('warns, and extends: %s', async (_, given, how) => {
    const ann = await signIn(await start(given))
    const { page, seen, next } = await open(ann, how)
    pass(54 * MINUTE)
    expect(seen).toEqual([])
    let told = next()
    pass(2 * MINUTE)
    expect(await told).toBe('ending 4')
    told = next()
    await seen[0]?.extend()
    expect(await told).toBe('extended 60')
    expect(seen).toHaveLength(2)
    if (how.hasSocket) expect(page.socket.connected).toBe(true)
    told = next()
    pass(56 * MINUTE)
    expect(await told).toBe('ending 4')
    told = next()
    pass(5 * MINUTE)
    expect(await told).toBe('ended 0 fixed')
  })
  it('warns a guest of an app without koa-session', async () => {
    const guest = (await App.start({ options: { maxAge: HOUR, clock: () => now }, routes: pages })).visitor()
    await guest.store()
    const { next } = await open(guest)
    const told = next()
    pass(56 * MINUTE)
    expect(await told).toBe('ending 4')
  })

  it('asks without extending a rolling session', async () => {
    const app = await start()
    const ann = await signIn(app)
    const { page, seen, next } = await open(ann)
    const { cookie } = ann
    for (const left of [4, 3, 2, 1]) {
      const told = next()
      pass(left === 4 ? 56 * MINUTE : MINUTE)
      expect(await told).toBe(`ending ${left}`)
    }
    expect([questions(page), ann.cookie]).toEqual([5, cookie])
    const told = next()
    pass(MINUTE + 1000)
    expect(await told).toBe('ended 0 fixed')
    expect(seen).toHaveLength(5)
  })

  it('reports an extension by another tab and by a request', async () => {
    const ann = await signIn(await start())
    const [one, other] = [await open(ann), await open(ann)]
    let told = [one.next(), other.next()]
    pass(56 * MINUTE)
    await Promise.all(told)
    told = [one.next(), other.next()]
    await one.seen[0]?.extend()
    dispatch('visibilitychange')
    expect(await Promise.all(told)).toEqual(['extended 60', 'extended 60'])
    told = [one.next(), other.next()]
    pass(56 * MINUTE)
    await Promise.all(told)
    told = [one.next(), other.next()]
    await ann.fetch('/unused')
    pass(MINUTE)
    expect(await Promise.all(told)).toEqual(['extended 59', 'extended 59'])
  })

  it.each<[string, Given, string]>([
    ['by maxLifetime', { lifetime: HOUR, session: { maxAge: DAY } }, 'ending 4 fixed'],
    ['by maxLifetime, with the browser', { lifetime: HOUR, session: { maxAge: 'session' } }, 'ending 4 fixed'],
    ['without rolling', { session: { rolling: false } }, 'ending 4 fixed'],
  ])('says that the end is fixed: %s', async (_, given, words) => {
    const app = await start(given)
    const { seen, next } = await open(await signIn(app))
    let told = next()
    pass(56 * MINUTE)
    expect(await told).toBe(words)
    told = next()
    await seen[0]?.extend()
    expect(await told).toBe(words)
    told = next()
    pass(4 * MINUTE + 1000)
    expect(await told).toBe('ended 0 fixed')
  })

  it('extends no further than maxLifetime', async () => {
    const { seen, next } = await open(await signIn(await start({ lifetime: HOUR, session: { maxAge: 40 * MINUTE } })))
    let told = next()
    pass(36 * MINUTE)
    expect(await told).toBe('ending 4')
    told = next()
    await seen[0]?.extend()
    expect(await told).toBe('extended 24 fixed')
  })

  it('does not warn a guest who has no session', async () => {
    const page = await (await start()).visitor().open({ path: '/page', hasSocket: false })
    await page.live.set('division', 3)
    const told: unknown[] = []
    onSessionEnd(page.live, (one) => told.push(one))
    await awaited('the answer', timers.next())
    pass(3 * HOUR)
    await page.live.set('division', 4)
    expect([questions(page), told]).toEqual([1, []])
  })

  it("reports the end of a guest's session", async () => {
    const app = await start()
    const guest = app.visitor()
    await guest.fetch('/login')
    await guest.store()
    const { next } = await open(guest)
    const told = next()
    pass(2 * HOUR)
    expect(await told).toBe('ended 0 fixed')
  })

  it('makes the page ask for its visitor once a user’s session has ended', async () => {
    const { page, next } = await open(await signIn(await start()))
    const visitor = new Promise((resolve) => page.live.onVisitor(resolve))
    const told = next()
    pass(2 * HOUR)
    expect(await told).toBe('ended 0 fixed')
    expect(await awaited('the visitor', visitor)).toEqual({ kind: 'guest', id: undefined })
  })
})

describe('a session that was revoked', () => {
  it.each([[{ hasSocket: true }], [{}]])('is reported as ended, and cannot be extended: %p', async (how) => {
    const app = await start()
    const ann = await signIn(app)
    const { seen, next } = await open(ann, how)
    let told = next()
    pass(56 * MINUTE)
    expect(await told).toBe('ending 4')
    told = next()
    await app.live.revoke('ann')
    await seen[0]?.extend()
    expect(await told).toBe('ended 0 fixed')
    expect(seen).toHaveLength(2)
    expect(await (await ann.fetch('/page')).json()).not.toHaveProperty('user')
  })
})

describe('a page whose clock or machine', () => {
  it('slept beyond the end reports the end when shown, without a timer', async () => {
    const { next } = await open(await signIn(await start()))
    const told = next()
    now += 9 * HOUR
    dispatch('pageshow')
    expect(await told).toBe('ended 0 fixed')
  })

  it('slept with performance.now() stopped notices within a minute', async () => {
    const { next } = await open(await signIn(await start()))
    const told = next()
    now += 9 * HOUR
    monotonicJump -= 9 * HOUR
    timers.end()
    expect(await told).toBe('ended 0 fixed')
  })

  it('jumps forwards asks the server, and warns of nothing', async () => {
    const { page, seen } = await open(await signIn(await start()))
    dateJump += 56 * MINUTE
    const known = timers.next()
    timers.end()
    await known
    await awaited('the answer', timers.next())
    expect([questions(page), seen]).toEqual([2, []])
  })

  it('jumps backwards warns in time', async () => {
    const { next } = await open(await signIn(await start()))
    dateJump -= DAY
    const told = next()
    pass(56 * MINUTE)
    expect(await told).toBe('ending 4')
  })

  it('is offline counts by itself, and asks once online', async () => {
    const { page, next } = await open(await signIn(await start()))
    const mend = page.cutPosts()
    for (const [ms, words] of [
      [56 * MINUTE, 'ending 4'],
      [3 * MINUTE, 'ending 1'],
      [HOUR, 'ending 0'],
    ] as const) {
      const told = next()
      pass(ms)
      expect(await told).toBe(words)
    }
    mend()
    const told = next()
    dispatch('online')
    expect(await told).toBe('ended 0 fixed')
  })
})
