import { describe, expect, it } from '@jest/globals'
import { cookieFor, memoryStore, testClock } from 'koa-live-session/testing'
import { browserSubject, subjectHash, userSubject } from '../../server/identity/subject.js'
import type { App } from '../support/app.js'
import { Bus } from '../support/bus.js'
import { written } from '../support/departures.js'
import {
  as,
  browserOf,
  isGivenUp,
  KINDS,
  type Kind,
  startWithHeaders,
  visitorWith,
} from '../support/kinds-of-cookies.js'
import { readClaims } from '../support/socket.js'
import { cookieContent, nameOf } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

type User = string | undefined
/** Of the cookie's browser, of ann, of another user, of another browser, and of none at all. */
type Page = 'browser' | 'ann' | 'bob' | 'other' | 'nonsense'

const USERS: readonly User[] = [undefined, 'ann', 'bob']
const PAGES: readonly Page[] = ['browser', 'ann', 'bob', 'other', 'nonsense']
const CHANGE = ['division', -1, 5]

function pageOf(app: App, visitor: Visitor, page: Page): string {
  if (page === 'nonsense') return ''
  if (page === 'ann' || page === 'bob') return subjectHash(userSubject(page))
  const subject = page === 'browser' ? browserOf(visitor) : undefined
  const other = app.visitor(cookieFor(app.live, {}))
  return subject ? subjectHash(subject) : nameOf(other)
}

/** Whether the cookie is of that very user. */
const isOwn = (kind: Kind, user: User): boolean =>
  kind === 'guest' ? user === undefined : kind === 'ann' && user === 'ann'
/** Whether it leads to the id that its browser has by now. */
const isHeir = (kind: Kind, user: User): boolean => kind === 'given-up' && user === 'ann'
/** Whether what is left of it counts. */
const hasEnded = (kind: Kind): boolean => kind.startsWith('given-up')

const cases = KINDS.flatMap((kind) => USERS.map((user) => [kind, user] as const))

describe('a POST that says whose page it is', () => {
  const rows = cases.flatMap(([kind, user]) => PAGES.map((page) => [kind, user, page] as const))

  it.each(rows)('with the cookie %s, by %s, of the page of %s', async (kind, user, page) => {
    const app = await startWithHeaders()
    const visitor = await visitorWith(app, kind)
    const [subject, before] = [browserOf(visitor), visitor.cookie]
    const name = pageOf(app, visitor, page)
    const isTaken = isOwn(kind, user) && (page === 'browser' || page === user)
    const code = kind === 'none' ? 'cookies_blocked' : 'other_subject'
    for (const rest of [{}, { tickets: [] }, { set: [CHANGE] }]) {
      const answer = await visitor.store({ subject: name, ...rest }, as(user))
      const found = [answer.status, (await answer.json()).error?.code, written(answer).length]
      expect([rest, found]).toEqual([rest, isTaken ? [200, undefined, 2] : [403, code, 0]])
    }
    // A refusal brings no other id, so the one that there was stays good.
    expect(isGivenUp(app, subject)).toBe(hasEnded(kind))
    if (isTaken) expect(cookieContent(visitor)).toMatchObject({ r: [['division', expect.any(Number), 5]] })
    else expect(visitor.cookie).toBe(before)
    if (isTaken) expect(browserSubject(cookieContent(visitor).browser)).toBe(subject)
  })

  it('is refused before anything of it is looked at', async () => {
    const app = await startWithHeaders()
    const visitor = await visitorWith(app, 'guest')
    const subject = subjectHash(userSubject('ann'))
    const answer = await visitor.store({ subject, tickets: ['garbage'], set: [['nope', -1, 1]] }, as('ann'))
    expect([answer.status, (await answer.json()).error]).toEqual([
      403,
      { code: 'other_subject', message: expect.any(String) },
    ])
  })
})

describe('a refusal of a POST that says whose page it is', () => {
  /** A guest who has left, the name that a page still has, and the guest who comes next. */
  async function succession(app: App) {
    const visitor = await visitorWith(app, 'guest')
    const subject = nameOf(visitor)
    await visitor.fetch('/leave')
    const next = await visitorWith(app, 'guest')
    return { subject, visitor, next }
  }
  /** A guest whose id this process has made. */
  async function newGuest(app: App): Promise<Visitor> {
    const visitor = app.visitor()
    await visitor.store()
    return visitor
  }
  const refusal = async (visitor: Visitor, subject: string): Promise<unknown> => {
    const answer = await visitor.store({ subject })
    const { code, givenUp } = (await answer.json()).error
    return [answer.status, code, givenUp]
  }

  it('tells that its browser id was given up, with another cookie and with none', async () => {
    const { visitor, subject, next } = await succession(await startWithHeaders())
    expect(await refusal(visitor, subject)).toEqual([403, 'cookies_blocked', true])
    expect(await refusal(next, subject)).toEqual([403, 'other_subject', true])
  })

  it('does not where it is only not the browser\u2019s', async () => {
    const app = await startWithHeaders()
    const other = nameOf(await newGuest(app))
    expect(await refusal(app.visitor(), other)).toEqual([403, 'cookies_blocked', undefined])
    expect(await refusal(await visitorWith(app, 'guest'), other)).toEqual([403, 'other_subject', undefined])
    expect(await refusal(await visitorWith(app, 'guest'), '')).toEqual([403, 'other_subject', undefined])
  })

  it('tells so after a restart, where there is a store and it answers', async () => {
    const [clock, store] = [testClock(), memoryStore()]
    const start = (): Promise<App> => startWithHeaders({ clock, options: { store, onError: () => undefined } as never })
    const before = await start()
    const { subject } = await succession(before)
    await before.stop()
    const app = await start()
    const other = nameOf(await visitorWith(app, 'guest'))
    expect(await refusal(app.visitor(), other)).toEqual([403, 'cookies_blocked', undefined])
    expect(await refusal(app.visitor(), subject)).toEqual([403, 'cookies_blocked', true])
    store.fail()
    expect(await refusal(app.visitor(), subject)).toEqual([403, 'cookies_blocked', true])
  })

  it.each([
    ['without a store', undefined],
    ['with one that does not answer', memoryStore()],
  ])('tells so of an id that may have been given up before the process began, %s', async (_how, store) => {
    const clock = testClock()
    const start = (): Promise<App> => startWithHeaders({ clock, options: { store, onError: () => undefined } as never })
    const before = await start()
    const old = nameOf(await newGuest(before))
    await before.stop()
    const app = await start()
    const own = nameOf(await newGuest(app))
    const next = await visitorWith(app, 'guest')
    store?.fail()
    expect(await refusal(next, own)).toEqual([403, 'other_subject', undefined])
    expect(await refusal(next, old)).toEqual([403, 'other_subject', true])
    clock.advance(600_000)
    expect(await refusal(next, old)).toEqual([403, 'other_subject', undefined])
  })

  it('tells so where the id is another visitor\u2019s by now, and is about to be given up', async () => {
    const app = await startWithHeaders()
    const visitor = await visitorWith(app, 'guest')
    const answer = await visitor.store({ subject: nameOf(visitor) }, as('ann'))
    expect([answer.status, (await answer.json()).error]).toMatchObject([403, { code: 'other_subject', givenUp: true }])
  })

  it('is not held up by strangers who ask', async () => {
    const options = { store: memoryStore(), limits: { changesPerSubject: 1 } } as never
    const app = await startWithHeaders({ options })
    const other = nameOf(await newGuest(app))
    const ours = await visitorWith(app, 'guest')
    for (let count = 0; count < 4; count += 1) await refusal(app.visitor(), other)
    expect(await refusal(app.visitor(), other)).toMatchObject([429, 'rate_limited'])
    expect(await refusal(ours, other)).toEqual([403, 'other_subject', undefined])
  })

  it('asks the store only where the page asks', async () => {
    const store = memoryStore()
    const app = await startWithHeaders({ options: { store } as never })
    const visitor = await visitorWith(app, 'guest')
    const before = await startWithHeaders({ options: { store } as never })
    const subject = nameOf(await newGuest(before))
    await store.merge(`browser:${subject}`, [{ key: '$epoch', stamp: 5 }])
    const answer = await visitor.store({ subject, set: [CHANGE] })
    expect((await answer.json()).error).not.toHaveProperty('givenUp')
    expect(await refusal(visitor, subject)).toEqual([403, 'other_subject', true])
  })

  it('asks the store no more often than limits.changesPerSubject says, whatever names are sent', async () => {
    const store = memoryStore()
    const loads: string[] = []
    const load: typeof store.load = (subject) => {
      loads.push(subject)
      return store.load(subject)
    }
    const options = { store: { ...store, load }, limits: { changesPerSubject: 2 } } as never
    const app = await startWithHeaders({ options })
    const name = (count: number): string => `${count}`.padStart(43, 'x')
    const found: unknown[] = []
    for (let count = 0; count < 6; count += 1) found.push((await refusal(app.visitor(), name(count))) as unknown)
    const refused = [403, 'cookies_blocked', undefined]
    expect(found).toEqual([...Array(4).fill(refused), ...Array(2).fill([429, 'rate_limited', undefined])])
    expect(loads).toEqual([0, 1, 2, 3].map((count) => `browser:${name(count)}`))
  })

  it('tells so at each node', async () => {
    const bus = new Bus()
    const [one, two] = [await startWithHeaders(), await startWithHeaders()]
    for (const { io } of [one, two]) bus.join(io)
    const { subject } = await succession(one)
    expect(await refusal(two.visitor(), subject)).toEqual([403, 'cookies_blocked', true])
  })
})

describe('a POST that does not say whose page it is', () => {
  it.each(cases)(
    'is answered with the cookie of who is there, unless a newer build has its own: %s, by %s',
    async (kind, user) => {
      for (const body of [{}, { set: [CHANGE] }, { tickets: [] }]) {
        const app = await startWithHeaders()
        const visitor = await visitorWith(app, kind)
        const subject = browserOf(visitor)
        const answer = await visitor.store(body, as(user))
        const { held, cookieless } = await answer.json()
        const isRefused = 'set' in body && hasEnded(kind) && user !== 'ann'
        expect([answer.status, cookieless]).toEqual([isRefused ? 409 : 200, kind === 'none' ? true : undefined])
        const isLate = hasEnded(kind) && !isHeir(kind, user) && Object.keys(body).length > 0
        const isLeft = kind === 'newer' || isLate
        expect(written(answer)).toHaveLength(isLeft ? 0 : 2)
        if (isRefused) continue
        expect(held).toHaveLength(isOwn(kind, user) ? 1 : 0)
        if (isLeft) continue
        const content = cookieContent(visitor)
        expect(content.user).toBe(user && subjectHash(userSubject(user)))
        expect(browserSubject(content.browser) === subject).toBe(isOwn(kind, user))
        expect(isGivenUp(app, subject)).toBe(subject !== undefined && !isOwn(kind, user))
        expect(content.born !== undefined).toBe(kind === 'none')
      }
    },
  )

  it.each(cases)('and is refused gives no id up that it brings no other for: %s, by %s', async (kind, user) => {
    const bodies = [{ tickets: ['garbage'] }, { set: [['nope', -1, 1]] }, { set: [['role', -1, 'x']] }, { unknown: 1 }]
    for (const body of bodies) {
      const app = await startWithHeaders()
      const visitor = await visitorWith(app, kind)
      const subject = browserOf(visitor)
      const answer = await visitor.store(body, as(user))
      const isNew = written(answer).length > 0
      expect([body, answer.status >= 400, isNew && hasEnded(kind) && !isHeir(kind, user)]).toEqual([body, true, false])
      if (isOwn(kind, user) || kind === 'none' || kind === 'newer') expect(isNew).toBe(false)
      expect(isGivenUp(app, subject)).toBe(hasEnded(kind) || isNew)
    }
  })
})

describe('a POST of {}', () => {
  it.each(cases)('is told whose page it is: %s, by %s', async (kind, user) => {
    const app = await startWithHeaders()
    const visitor = await visitorWith(app, kind)
    const { ticket, more } = await (await visitor.store({}, as(user))).json()
    const all = [readClaims(ticket), ...(more === undefined ? [] : [readClaims(more)])]
    const browser = kind === 'newer' ? undefined : nameOf(visitor)
    const young = user === undefined ? 'guest' : subjectHash(userSubject(user))
    for (const claims of all)
      expect([claims.browser, claims.young]).toEqual([browser, kind === 'none' ? young : undefined])
    expect(all.map((claims) => claims.more)).toEqual(user === undefined ? [undefined] : [true, undefined])
    if (user !== undefined) expect(all[0]?.sub).toBe(subjectHash(userSubject(user)))
    if (browser !== undefined) expect(all.at(-1)?.sub).toBe(browser)
    // What a guest has chosen comes along to the user who signs in.
    const isBrought = kind === 'guest' || (kind === 'given-up' && user === 'ann')
    expect(all.flatMap(({ changes }) => changes)).toHaveLength(isOwn(kind, user) || isBrought ? 1 : 0)
  })

  it.each(USERS)('without consent is told of no browser, and writes nothing: %s', async (user) => {
    const app = await startWithHeaders()
    const visitor = app.visitor()
    for (let time = 0; time < 2; time += 1) {
      const answer = await visitor.store({}, as(user, false))
      const { ticket, cookieless } = await answer.json()
      expect([written(answer), cookieless]).toEqual([[], true])
      expect(readClaims(ticket)).not.toHaveProperty('browser')
      expect(readClaims(ticket).young).toBe(user === undefined ? 'guest' : subjectHash(userSubject(user)))
    }
  })

  it('without consent takes away what is another\u2019s, and leaves the visitor\u2019s own', async () => {
    const app = await startWithHeaders()
    const found: unknown[] = []
    for (const [kind, user] of cases) {
      const visitor = await visitorWith(app, kind)
      const lines = written(await visitor.store({}, as(user, false)))
      expect(lines.every((line) => line.includes('1970'))).toBe(true)
      found.push([kind, user, lines.length])
    }
    const isLeft = (kind: Kind, user: User): boolean => isOwn(kind, user) || kind === 'none' || kind === 'newer'
    expect(found).toEqual(cases.map(([kind, user]) => [kind, user, isLeft(kind, user) ? 0 : 2]))
  })
})
