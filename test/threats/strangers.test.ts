import { describe, expect, it, jest } from '@jest/globals'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { coreOf } from '../../server/plugin.js'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { account, auth, identify } from '../support/app/auth.js'
import { appOnly } from '../support/app/departures.js'
import { present } from '../support/app/present.js'
import { atScale } from '../support/app/scale.js'
import { signedInAs } from '../support/app/users.js'
import { Caches } from './caches.js'

const MAX_SUBJECTS = atScale(10, 100)
const STRANGERS = 20 * MAX_SUBJECTS

/** An app with a small cache. */
function start(options: object = {}): Promise<App> {
  const before: AppOptions<AppFields>['before'] = (koa) => [auth(koa)]
  const cache = { maxVisitors: MAX_SUBJECTS }
  return App.start({ before, options: { identify, cache, ...options } as never, routes: account })
}

/** Acts so many times, a hundred times in parallel. */
async function flood(times: number, act: (index: number) => Promise<unknown>): Promise<void> {
  for (let done = 0; done < times; done += 100) {
    await Promise.all(Array.from({ length: Math.min(100, times - done) }, (_, index) => act(done + index)))
  }
}

const setPath = (values: object): string => `/set?values=${encodeURIComponent(JSON.stringify(values))}`
const liveOf = (answer: Response): string => {
  return answer.headers
    .getSetCookie()
    .filter((cookie) => cookie.startsWith('live'))
    .map((cookie) => cookie.replace(/;.*/, ''))
    .join('; ')
}

describe('threat 18: a flood of anonymous ids', () => {
  it('leaves nothing in memory if each id only reads', async () => {
    const caches = Caches.watch()
    const app = await start()
    await flood(STRANGERS, () => fetch(`${app.url}/`))
    await flood(STRANGERS / 4, () => fetch(`${app.url}/`, { headers: { cookie: cookieFor(app.live, {}) } }))
    await flood(STRANGERS / 4, () => fetch(`${app.url}/`, { headers: { cookie: 'live=garbage; live.sig=garbage' } }))
    await flood(MAX_SUBJECTS, async () => {
      const socket = await app.visitor().connect()
      await socket.ticket()
      socket.io.disconnect()
      await socket.closed
    })
    expect([caches.users, caches.browsers]).toEqual([0, 0])
  })

  it('keeps the cache within its bound if each id writes', async () => {
    const caches = Caches.watch()
    const app = await start()
    const cookies: string[] = []
    await flood(STRANGERS, async (index) => {
      cookies[index] = liveOf(await fetch(app.url + setPath({ division: index })))
    })
    expect(caches.users).toBe(0)
    expect(caches.browsers).toBeGreaterThanOrEqual(MAX_SUBJECTS / 2)
    expect(caches.browsers).toBeLessThanOrEqual(MAX_SUBJECTS)
    await flood(STRANGERS / 4, async (index) => {
      const answer = await fetch(`${app.url}/`, { headers: { cookie: cookies[index] ?? '' } })
      expect(await answer.json()).toMatchObject({ division: index })
    })
    expect(caches.browsers).toBeLessThanOrEqual(MAX_SUBJECTS)
  })

  it('keeps the cache within its bound after sign-ins and sign-outs', async () => {
    const caches = Caches.watch()
    const app = await start()
    await flood(STRANGERS / 8, async (index) => {
      const visitor = app.visitor()
      await visitor.fetch(setPath({ division: index, theme: 'dark' }))
      await visitor.fetch(`/login/now?user=user-${index}`)
      await visitor.fetch('/logout/leave')
    })
    expect(caches.users).toBeLessThanOrEqual(MAX_SUBJECTS)
    expect(caches.browsers).toBeLessThanOrEqual(MAX_SUBJECTS)
  })

  it('leaves verified cookies in memory only within maxGuestBytes', async () => {
    const caches = Caches.watch()
    const app = await start({ cache: { maxGuestBytes: 4_000_000 } })
    const { cookie } = coreOf(app.live)
    for (let i = 0; i < atScale(11_000, 25_000); i += 1)
      present(cookie.read({ headers: { cookie: cookieFor(app.live, { browserId: `${'b'.repeat(22)}${i}` }) } }))
    // A verified cookie takes some 700 bytes.
    expect(caches.largestOther).toBeLessThanOrEqual(6500)
    expect(caches.largestOther).toBeGreaterThanOrEqual(2500)
  })
})

describe('threat 29: a flood of strangers', () => {
  const strangers = (app: App, times = 4 * MAX_SUBJECTS): Promise<void> => {
    return flood(times, (index) => fetch(app.url + setPath({ division: index, theme: 'dark' })))
  }

  it('evicts no values of users, even without a store', async () => {
    const app = await start()
    for (let i = 0; i < MAX_SUBJECTS / 2; i += 1) await (await app.live.user(i)).set('division', i)
    await strangers(app)
    for (let i = 0; i < MAX_SUBJECTS / 2; i += 1) expect((await app.live.user(i)).get('division')).toBe(i)
  })

  it('evicts no record of a revocation', async () => {
    const app = await start()
    const { ends } = coreOf(app.live)
    const ann = await signedInAs(app)
    const revoked = cookieFor(app.live, { userId: 'ann', values: { division: 66 } })
    ends.revoke(userSubject('ann'))
    await strangers(app)
    await flood(4 * MAX_SUBJECTS, async (index) => {
      const visitor = app.visitor(cookieFor(app.live, { values: { division: index } }))
      await visitor.fetch('/logout/leave')
      ends.revoke(userSubject(`user-${index}`))
    })
    const session = appOnly(ann.cookie)
    const replayed = app.visitor([revoked, ...session].join('; '))
    expect(await (await replayed.fetch('/')).json()).toMatchObject({ division: -1 })
    expect(ends.validityOf({ user: subjectHash(userSubject('ann')), epoch: 0, generation: 0 })).toBe('revoked')
  })

  it('evicts no record of a sign-out', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch(setPath({ division: 3 }))
    const former = visitor.cookie
    await visitor.fetch('/logout/leave')
    expect(await (await app.visitor(former).fetch('/')).json()).toMatchObject({ division: -1 })
    await flood(4 * MAX_SUBJECTS, (index) => {
      return app.visitor(cookieFor(app.live, { values: { division: index } })).fetch('/logout/leave')
    })
    expect(await (await app.visitor(former).fetch('/')).json()).toMatchObject({ division: -1 })
  })
})

it('threat 138: a sign-out without a cookie leaves no row in the store', async () => {
  const store = memoryStore()
  const merge = jest.spyOn(store, 'merge')
  const app = await App.start({ options: { store }, routes: (ctx) => ctx.liveSession.leave() })
  for (const cookie of ['', 'live=garbage; live.sig=garbage']) {
    const answer = await fetch(app.url, { headers: { cookie } })
    expect(answer.status).toBe(404)
  }
  await app.live.settled()
  expect(merge.mock.calls).toEqual([])
})
