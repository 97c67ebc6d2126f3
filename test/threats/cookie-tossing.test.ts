import { describe, expect, it } from '@jest/globals'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { CookieJar } from 'tough-cookie'
import { browserSubject } from '../../server/subjects/subject.js'
import type { App, AppFields, AppOptions } from '../support/app/app.js'
import { AuthStore } from '../support/app/auth.js'
import { browserId } from '../support/app/browser-id.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { liveOnly } from '../support/app/departures.js'
import { isRetired } from '../support/app/kinds-of-cookies.js'
import { set, signedInAs, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const [OWN, PLANTED] = [browserId('their-own'), browserId('planted-by-an-attacker')]
const NOTHING = { division: -1, theme: 'light', cart: [], role: 'guest' }

/** Returns the Cookie header for `shop.example.com` after `evil.example.com` has planted a pair on a longer path. */
function tossed(own: string, planted: string): string {
  const jar = new CookieJar()
  for (const pair of own.split('; ')) jar.setCookieSync(`${pair}; Path=/`, 'https://shop.example.com/')
  for (const pair of planted.split('; '))
    jar.setCookieSync(`${pair}; Domain=example.com; Path=/cart`, 'https://evil.example.com/')
  return jar.getCookieStringSync('https://shop.example.com/cart')
}

const start = (given: AppOptions<AppFields> = {}) => startWithUsers({ store: new AuthStore(), ...given })
const ownOf = (app: App) => cookieFor(app.live, { browserId: OWN, values: { division: 5, cart: ['own'] } })
const plantedOf = (app: App) => cookieFor(app.live, { browserId: PLANTED, values: { division: 66, cart: ['evil'] } })

describe('threat 59: invalid pairs planted by a sibling subdomain', () => {
  const bad = (index: number): string => `live=${`${index}`.padEnd(90, 'A')}; live.sig=${`${index}`.padEnd(43, 'B')}`
  const alone =
    (part: number) =>
    (index: number): string =>
      bad(index).split('; ')[part] ?? ''
  it.each([
    ['17 pairs', 17, bad],
    ['90 pairs', 90, bad],
    ['150 values', 150, alone(0)],
    ['200 signatures', 200, alone(1)],
  ] as const)('do not hide the valid pair: %s', async (_, count, planted) => {
    const app = await start()
    const own = ownOf(app)
    const all = Array.from({ length: count }, (_, index) => planted(index)).join('; ')
    for (const cookie of [`${all}; ${own}`, `${own}; ${all}`]) {
      const answer = await fetch(app.url, { headers: { cookie } })
      expect(await answer.json()).toMatchObject({ division: 5 })
      expect(answer.headers.getSetCookie()).toEqual([])
    }
  })
})

it('the server reads the user’s own cookie behind an attacker’s valid cookie', async () => {
  const app = await start()
  const ann = await signedInAs(app)
  await set(ann, { division: 3 })
  const headers = { cookie: `${cookieFor(app.live, { values: { division: 666 } })}; ${ann.cookie}` }
  expect(await (await fetch(app.url, { headers })).json()).toMatchObject({ division: 3 })
  expect((await app.live.user('ann')).get('division')).toBe(3)
})

describe('threat 59: a valid guest cookie planted by a sibling subdomain', () => {
  /** Sends a request with the planted cookie ahead of the visitor's own cookies. */
  async function send(visitor: Visitor, planted: string, path = '/'): Promise<unknown> {
    const answer = await fetch(visitor.url + path, { headers: { cookie: `${planted}; ${visitor.cookie}` } })
    for (const cookie of answer.headers.getSetCookie()) visitor.jar.setCookieSync(cookie, visitor.url)
    return answer.json()
  }

  it('is retired, and so is the browser\u2019s own cookie', async () => {
    const app = await start()
    const [own, planted] = [ownOf(app), plantedOf(app)]
    expect(tossed(own, planted)).toBe(`${planted}; ${own}`)
    const visitor = app.visitor(own)
    expect(await send(visitor, planted)).toEqual(NOTHING)
    for (const id of [OWN, PLANTED]) {
      expect(isRetired(app, browserSubject(id))).toBe(true)
      expect(cookieContent(visitor).browser).not.toBe(id)
    }
  })

  it('is ignored afterwards, because the browser has a new id', async () => {
    const app = await start()
    const planted = plantedOf(app)
    const visitor = app.visitor(ownOf(app))
    await send(visitor, planted)
    const { browser } = cookieContent(visitor)
    for (const path of [`/set?values=${encodeURIComponent('{"division":7,"cart":["mine"]}')}`, '/']) {
      expect(await send(visitor, planted, path)).toMatchObject({ division: 7, cart: ['mine'] })
      expect(cookieContent(visitor).browser).toBe(browser)
    }
    expect(await values(app.visitor(planted))).toEqual(NOTHING)
  })

  it('does not affect changes in the same request', async () => {
    const app = await start()
    const planted = plantedOf(app)
    const visitor = app.visitor(ownOf(app))
    expect(await send(visitor, planted, '/set?values={"division":7}')).toMatchObject({ division: 7, cart: [] })
    expect(await send(visitor, planted)).toMatchObject({ division: 7, cart: [] })
    expect(await values(app.visitor(planted))).toEqual(NOTHING)
  })

  it('adds nothing to an account at sign-in', async () => {
    const app = await start()
    const planted = plantedOf(app)
    for (const path of ['/login/now?user=ann', '/']) {
      const visitor = app.visitor(ownOf(app))
      await visitor.fetch('/login/unused?user=bob')
      expect(await send(visitor, planted, path)).toEqual(NOTHING)
    }
    for (const id of ['ann', 'bob']) expect((await app.live.user(id)).get('cart')).toEqual([])
    expect(await values(app.visitor(planted))).toEqual(NOTHING)
  })

  it('yields no values beside the cookie of a signed-out user', async () => {
    const app = await start()
    const ann = await signedInAs(app)
    await set(ann, { division: 5 })
    expect(await send(app.visitor(liveOnly(ann.cookie)), plantedOf(app))).toEqual(NOTHING)
    expect(isRetired(app, browserSubject(PLANTED))).toBe(true)
  })

  it('connects its browser as a new guest without values', async () => {
    const app = await start()
    const cookie = tossed(ownOf(app), plantedOf(app))
    const socket = await app.visitor().connect('/', { cookie })
    const { claims } = await socket.ticket()
    expect([(await socket.greeted).hasCookie, claims.changes]).toEqual([undefined, []])
    const visitor = app.visitor()
    expect((await visitor.store({}, { cookie })).status).toBe(200)
    expect([OWN, PLANTED]).not.toContain(cookieContent(visitor).browser)
  })

  it('disconnects the sockets of the planted and the own id', async () => {
    const app = await start()
    const visitor = app.visitor(ownOf(app))
    const sockets = [await visitor.connect(), await app.visitor(plantedOf(app)).connect()]
    await send(visitor, plantedOf(app))
    for (const socket of sockets) await socket.closed
  })

  it('has no effect if it has the browser\u2019s own id', async () => {
    const app = await start()
    expect(await send(app.visitor(ownOf(app)), ownOf(app))).toMatchObject({ division: 5 })
    expect(isRetired(app, browserSubject(OWN))).toBe(false)
  })

  it('stays retired after a restart with a store', async () => {
    const options = { store: memoryStore() } as never
    const before = await start({ options })
    const planted = plantedOf(before)
    const visitor = before.visitor(ownOf(before))
    await send(visitor, planted, '/set?values={"division":7}')
    await before.stop()
    const app = await start({ options, clock: before.clock })
    expect(await send(app.visitor(visitor.cookie), planted)).toMatchObject({ division: 7 })
  })
})

describe('threat 17: a planted, retired cookie, ahead of the browser’s own', () => {
  it('does not hide the guest’s own values', async () => {
    const app = await start()
    const attacker = app.visitor()
    await attacker.store()
    const planted = attacker.cookie
    await attacker.fetch('/logout/leave')
    const guest = app.visitor()
    await guest.store()
    await set(guest, { division: 3 })
    const answer = await fetch(`${app.url}/`, { headers: { cookie: `${planted}; ${guest.cookie}` } })
    expect([await answer.json(), answer.headers.getSetCookie()]).toMatchObject([{ division: 3 }, []])
  })
})
