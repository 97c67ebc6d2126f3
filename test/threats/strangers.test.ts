import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { browserSubject, type Subject, subjectHash, userSubject } from '../../server/kernel/names/subject.js'
import type { Core } from '../../server/kernel/seams/core.js'
import { coreOf } from '../../server/plugin.js'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { account, auth, identify } from '../support/app/auth.js'
import { browserId } from '../support/app/browser-id.js'
import { atScale } from '../support/app/scale.js'
import { Caches } from './caches.js'

const MAX_SUBJECTS = atScale(20, 100)
const STRANGERS = 20 * MAX_SUBJECTS

/** An app with a small cache. */
function start(options: object = {}): Promise<App> {
  const before: AppOptions<AppFields>['before'] = (koa) => [auth(koa)]
  const cache = { maxSubjects: MAX_SUBJECTS }
  return App.start({ before, options: { identify, cache, ...options } as never, routes: account })
}

/** Sends a hundred requests at a time. */
async function flood(times: number, act: (index: number) => Promise<unknown>): Promise<void> {
  for (let done = 0; done < times; done += 100) {
    await Promise.all(Array.from({ length: Math.min(100, times - done) }, (_, index) => act(done + index)))
  }
}

const subject = (index: number): Subject => browserSubject(browserId(index))
const setPath = (values: object): string => `/set?values=${encodeURIComponent(JSON.stringify(values))}`
const liveOf = (answer: Response): string => {
  return answer.headers
    .getSetCookie()
    .filter((cookie) => cookie.startsWith('live'))
    .map((cookie) => cookie.replace(/;.*/, ''))
    .join('; ')
}

afterEach(() => {
  jest.restoreAllMocks()
})

describe('threat 18: a flood of anonymous ids', () => {
  it('leaves nothing in memory after reads', async () => {
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

  it('stays within the bound after one write each', async () => {
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

  it('stays within the bound after sign-ins and sign-outs', async () => {
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

  describe('inside the process', () => {
    const maxSubjects = atScale(300, 10_000)
    const many = 30 * maxSubjects

    it('leaves no entry after reads, and a bounded number after writes', async () => {
      const caches = Caches.watch()
      const { app, core } = await parts()
      const [field] = core.sessions.fields.values()
      if (!field) throw new Error('never')
      for (let i = 0; i < many; i += 1) {
        core.sessions.value(field, core.sessions.find(subject(i)))
        core.sessions.merge(subject(i), [], 'request')
      }
      expect(caches.browsers).toBe(0)
      const sizes = new Set<number>()
      for (let i = 0; i < many; i += 1) {
        core.sessions.write(new Map([[field, i]]), { subject: () => subject(i) }, 'request')
        if (i % (3 * maxSubjects) === 3 * maxSubjects - 1) sizes.add(caches.browsers)
      }
      expect(Math.max(...sizes)).toBeLessThanOrEqual(maxSubjects)
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(maxSubjects / 2)
      expect(app.errors).toEqual([])
    })

    it('remembers verified cookies within maxGuestBytes', async () => {
      const caches = Caches.watch()
      const { app, core } = await parts({ maxGuestBytes: 4_000_000 })
      for (let i = 0; i < atScale(11_000, 25_000); i += 1) {
        if (!core.cookie.read({ headers: { cookie: cookieFor(app.live, { browserId: `${'b'.repeat(22)}${i}` }) } }))
          throw new Error('never')
      }
      // Some 700 bytes each.
      expect(caches.largestOther).toBeLessThanOrEqual(6500)
      expect(caches.largestOther).toBeGreaterThanOrEqual(2500)
    })

    async function parts(cache = {}): Promise<{ readonly app: App; readonly core: Core }> {
      const app = await start({ cache: { maxSubjects, ...cache } })
      return { app, core: coreOf(app.live) }
    }
  })
})

describe('threat 29: a flood of strangers', () => {
  const strangers = (app: App, times = 4 * MAX_SUBJECTS): Promise<void> => {
    return flood(times, (index) => fetch(app.url + setPath({ division: index, theme: 'dark' })))
  }

  it('evicts no user without a store', async () => {
    const app = await start()
    for (let i = 0; i < MAX_SUBJECTS / 2; i += 1) await (await app.live.user(i)).set('division', i)
    await strangers(app)
    for (let i = 0; i < MAX_SUBJECTS / 2; i += 1) expect((await app.live.user(i)).get('division')).toBe(i)
  })

  it('evicts no values of open sockets', async () => {
    const app = await start()
    app.io.on('connection', (socket) => {
      socket.on('read', (done) => done([socket.liveSession.get('division'), socket.liveSession.get('theme')]))
    })
    const [stranger, ann] = [app.visitor(), app.visitor()]
    await ann.fetch('/login/now?user=ann')
    const sockets = [await stranger.connect(), await ann.connect()]
    for (const socket of sockets) await socket.set(['division', -1, '', 7], ['theme', -1, '', 'dark'])
    await strangers(app)
    for (const socket of sockets) expect(await socket.io.emitWithAck('read')).toEqual([7, 'dark'])
  })

  it('evicts no revocation', async () => {
    const app = await start()
    const { epochs } = coreOf(app.live)
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    const revoked = cookieFor(app.live, { userId: 'ann', values: { division: 66 } })
    epochs.revoke(userSubject('ann'))
    await strangers(app)
    await flood(4 * MAX_SUBJECTS, async (index) => {
      const visitor = app.visitor(cookieFor(app.live, { values: { division: index } }))
      await visitor.fetch('/logout/leave')
      epochs.revoke(userSubject(`user-${index}`))
    })
    const session = ann.cookie.split('; ').filter((pair) => pair.startsWith('app'))
    const replayed = app.visitor([revoked, ...session].join('; '))
    expect(await (await replayed.fetch('/')).json()).toMatchObject({ division: -1 })
    expect(epochs.accepts(subjectHash(userSubject('ann')), { epoch: 0, generation: 0 })).toBe(false)
  })

  it('evicts no sign-out', async () => {
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
