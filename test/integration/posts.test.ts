import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { browserSubject, subjectHash, userSubject } from '../../server/subjects/subject.js'
import type { TicketClaims } from '../../shared/protocol.js'
import type { App } from '../support/app/app.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { written } from '../support/app/departures.js'
import {
  as,
  browserOf,
  isRetired,
  KINDS,
  type Kind,
  startWithHeaders,
  visitorWith,
} from '../support/app/kinds-of-cookies.js'
import { pairs } from '../support/app/pairs.js'
import { atScale } from '../support/app/scale.js'
import { readClaims } from '../support/app/socket.js'
import { nameOf, whoIn } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

type User = string | undefined
/** A page of the cookie's visitor, of ann without a cookie, of another browser, or with an invalid `who`. */
type Page = 'cookie' | 'account' | 'other' | 'nonsense'

const USERS: readonly User[] = [undefined, 'ann', 'bob']
const PAGES: readonly Page[] = ['cookie', 'account', 'other', 'nonsense']
const CHANGE = ['division', -1, '', 5]

async function whoOn(app: App, visitor: Visitor, kind: Kind, page: Page): Promise<string> {
  if (page === 'other') return whoIn(app.visitor(cookieFor(app.live, {}))) ?? ''
  if (page === 'account') return (await (await app.visitor().connect('/', as('ann'))).greeted).who ?? ''
  const isCookie = page === 'cookie' && browserOf(visitor)
  return (isCookie && whoIn(visitor, kind.endsWith('ann') ? 'ann' : undefined)) || ''
}

const isOwn = (kind: Kind, user: User): boolean =>
  kind === 'guest' ? user === undefined : kind === 'ann' && user === 'ann'
/** Whether the cookie's retired id was rotated to a new id of this user. */
const isHeir = (kind: Kind, user: User): boolean => kind === 'retired' && user === 'ann'
const hasEnded = (kind: Kind): boolean => kind.startsWith('retired')

const cases = KINDS.flatMap((kind) => USERS.map((user) => [kind, user] as const))

describe('a POST with `who`', () => {
  const all = cases.flatMap(([kind, user]) => PAGES.map((page) => [kind, user, page] as const))
  const rows = atScale(pairs(KINDS, USERS, PAGES), all)

  it.each(rows)("applies only if `who` names the cookie's visitor: %s, by %s, page %s", async (kind, user, page) => {
    const app = await startWithHeaders()
    const visitor = await visitorWith(app, kind)
    const [subject, before] = [browserOf(visitor), visitor.cookie]
    const who = await whoOn(app, visitor, kind, page)
    const isTaken = isOwn(kind, user) && page === 'cookie'
    for (const body of [{}, { tickets: [] }, { set: [CHANGE] }]) {
      const answer = await visitor.store({ who, ...body }, as(user))
      const { results, ...rest } = await answer.json()
      const taken = isTaken && 'set' in body ? [expect.objectContaining({ level: 'memory' })] : []
      expect([answer.status, written(answer).length, results]).toEqual([200, isTaken ? 2 : 0, taken])
      const otherVisitor = isOwn(kind, user)
        ? {
            hasCookie: true,
            who: whoIn(visitor, user),
            greeting: expect.anything(),
            ...(user === undefined ? {} : { user }),
            persisted: [['division', expect.any(Number)]],
          }
        : { persisted: [] }
      if (isTaken) expect(rest).toMatchObject({ who, hasCookie: true })
      else expect(rest).toEqual({ otherVisitor: true, ...otherVisitor })
    }
    expect(isRetired(app, subject)).toBe(hasEnded(kind))
    if (isTaken) expect(cookieContent(visitor)).toMatchObject({ r: [['division', expect.any(Number), 5]] })
    else expect(visitor.cookie).toBe(before)
    if (isTaken) expect(browserSubject(cookieContent(visitor).browser)).toBe(subject)
  })

  it('has no effect without consent', async () => {
    const app = await startWithHeaders()
    for (const user of [undefined, 'ann'] as const) {
      const visitor = await visitorWith(app, user ?? 'guest')
      const answer = await visitor.store({ who: whoIn(visitor, user), set: [CHANGE] }, as(user, false))
      expect(await answer.json()).toEqual({ otherVisitor: true, results: [], persisted: [] })
    }
  })

  it('counts against the rate limit, whatever its `who`', async () => {
    const app = await startWithHeaders({ options: { limits: { changesPerVisitor: 2 } } as never })
    const visitor = await visitorWith(app, 'guest')
    const answers: number[] = []
    for (let count = 0; count < 6; count += 1)
      answers.push((await visitor.store({ who: `${count}`, set: [CHANGE] })).status)
    expect(answers).toEqual([200, 200, 200, 200, 429, 429])
    expect((await visitor.store({ set: [CHANGE] })).status).toBe(200)
  })
})

describe('a POST without `who`', () => {
  it.each(cases)("gets the visitor's cookie: %s, by %s", async (kind, user) => {
    for (const body of [{}, { set: [CHANGE] }]) {
      const app = await startWithHeaders()
      const visitor = await visitorWith(app, kind)
      const subject = browserOf(visitor)
      const answer = await ('set' in body ? visitor.store(body, as(user)) : visitor.ask(as(user)))
      const { persisted, hasCookie } = await answer.json()
      const isRefused = 'set' in body && hasEnded(kind) && user !== 'ann'
      expect([answer.status, hasCookie]).toEqual([isRefused ? 409 : 200, isOwn(kind, user) || undefined])
      const isLate = hasEnded(kind) && !isHeir(kind, user) && 'set' in body
      const isLeft = kind === 'newer' || isLate
      expect(written(answer)).toHaveLength(isLeft ? 0 : 2)
      if (isRefused) continue
      expect(persisted).toHaveLength(isOwn(kind, user) ? 1 : 0)
      if (isLeft) continue
      const content = cookieContent(visitor)
      expect(content.user).toBe(user && subjectHash(userSubject(user)))
      expect(browserSubject(content.browser) === subject).toBe(isOwn(kind, user))
      expect(isRetired(app, subject)).toBe(subject !== undefined && !isOwn(kind, user))
    }
  })

  it.each(cases)('retires no browser id if refused: %s, by %s', async (kind, user) => {
    const bodies = [{ tickets: ['garbage'] }, { set: [['nope', -1, 1]] }, { who: 7 }, { unknown: 1 }]
    for (const body of bodies) {
      const app = await startWithHeaders()
      const visitor = await visitorWith(app, kind)
      const subject = browserOf(visitor)
      const answer = await visitor.store(body, as(user))
      const isNew = written(answer).length > 0
      expect([body, answer.status >= 400, isNew && hasEnded(kind) && !isHeir(kind, user)]).toEqual([body, true, false])
      if (isOwn(kind, user) || kind === 'none' || kind === 'newer') expect(isNew).toBe(false)
      expect(isRetired(app, subject)).toBe(hasEnded(kind) || isNew)
    }
  })
})

describe('a POST of {}', () => {
  it.each(cases)('gets `who` and greeting: cookie %s, by %s', async (kind, user) => {
    const app = await startWithHeaders()
    const visitor = await visitorWith(app, kind)
    const { who, greeting } = await (await visitor.ask(as(user))).json()
    const all = greeting.map(readClaims)
    const isNamed = kind !== 'newer' || user !== undefined
    if (kind !== 'newer') expect(who).toBe(whoIn(visitor, user))
    else expect(who).toEqual(isNamed ? expect.any(String) : undefined)
    const subs = user === undefined ? [] : [subjectHash(userSubject(user))]
    const own = kind === 'newer' ? expect.any(String) : nameOf(visitor)
    expect(all.map(({ sub }: TicketClaims) => sub)).toEqual([...subs, own])
    expect(all.map(({ guest }: TicketClaims) => guest)).toEqual(user === undefined ? [true] : [undefined, undefined])
    const isBrought = kind === 'guest' || (kind === 'retired' && user === 'ann')
    expect(all.flatMap(({ changes }: TicketClaims) => changes)).toHaveLength(isOwn(kind, user) || isBrought ? 1 : 0)
  })

  it.each(USERS)('without consent gets no cookie or browser id: %s', async (user) => {
    const app = await startWithHeaders()
    const visitor = app.visitor()
    const names = new Set<unknown>()
    for (let time = 0; time < 2; time += 1) {
      const answer = await visitor.store({}, as(user, false))
      const { who, hasCookie, greeting } = await answer.json()
      expect([written(answer), hasCookie, greeting.length]).toEqual([[], undefined, user === undefined ? 1 : 2])
      names.add(who)
    }
    expect([...names]).toEqual([user && expect.any(String)])
  })

  it("without consent clears only another visitor's cookie", async () => {
    const app = await startWithHeaders()
    const found: unknown[] = []
    for (const [kind, user] of cases) {
      const visitor = await visitorWith(app, kind)
      const lines = written(await visitor.ask(as(user, false)))
      expect(lines.every((line) => line.includes('1970'))).toBe(true)
      expect(visitor.cookie).not.toMatch(/ended/)
      found.push([kind, user, lines.length])
    }
    const isLeft = (kind: Kind, user: User): boolean => isOwn(kind, user) || kind === 'none' || kind === 'newer'
    expect(found).toEqual(cases.map(([kind, user]) => [kind, user, isLeft(kind, user) ? 0 : 2]))
  })
})
