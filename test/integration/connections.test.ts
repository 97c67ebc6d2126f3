import { describe, expect, it } from '@jest/globals'
import { subjectHash, userSubject } from '../../server/kernel/names/subject.js'
import { as, browserOf, isGivenUp, type Kind, startWithHeaders, visitorWith } from '../support/kinds-of-cookies.js'
import { nameOf, whoIn } from '../support/users.js'

const subOf = (user: string) => subjectHash(userSubject(user))
const AGREED = [true, false]

/** What a handshake brings, whom `identify` names, and whose values come of it: `own`, with the browser's own by its cookie. */
const TABLE: readonly (readonly [Kind, string | undefined, 'refused' | 'connection' | 'own'])[] = [
  ['none', undefined, 'connection'],
  ['none', 'ann', 'connection'],
  ['guest', undefined, 'own'],
  ['guest', 'ann', 'connection'],
  ['ann', 'ann', 'own'],
  ['ann', undefined, 'refused'],
  ['ann', 'bob', 'refused'],
  ['given-up', undefined, 'refused'],
  ['given-up', 'ann', 'refused'],
  ['given-up ann', 'ann', 'refused'],
  ['given-up ann', undefined, 'refused'],
  ['given-up ann', 'bob', 'refused'],
  ['revoked ann', 'ann', 'refused'],
  ['revoked ann', undefined, 'refused'],
  ['revoked ann', 'bob', 'refused'],
  ['newer', undefined, 'connection'],
  ['newer', 'ann', 'connection'],
]
const rows = TABLE.flatMap((row) => AGREED.map((hasConsent) => [...row, hasConsent] as const))

describe('a handshake', () => {
  it.each(rows)('with the cookie %s, by %s: %s, with consent: %s', async (kind, user, outcome, hasConsent) => {
    const app = await startWithHeaders()
    const visitor = await visitorWith(app, kind)
    const subject = browserOf(visitor)
    const before = isGivenUp(app, subject)
    const connecting = visitor.connect('/', as(user, hasConsent))
    if (outcome === 'refused') {
      await expect(connecting).rejects.toMatchObject({ message: 'other_subject', data: { code: 'other_subject' } })
    } else {
      const socket = await connecting
      const greeting = [(await socket.ticket()).claims, ...(user === undefined ? [] : [(await socket.ticket()).claims])]
      const { who, kept } = await socket.greeted
      const isKept = outcome === 'own' && hasConsent
      expect([isKept ? who : who !== undefined, kept]).toEqual([
        isKept ? whoIn(visitor, user) : user !== undefined,
        isKept || undefined,
      ])
      expect(greeting.map(({ guest }) => guest)).toEqual(greeting.map(() => user === undefined || undefined))
      const own = greeting.at(-1)?.sub
      if (outcome === 'own') expect(own).toBe(nameOf(visitor))
      else if (subject !== undefined) expect(own).not.toBe(nameOf(visitor))
      if (user !== undefined) expect(greeting[0]?.sub).toBe(subOf(user))
      const changes = outcome === 'own' ? [['division', expect.any(Number), 1]] : []
      expect(greeting.flatMap((claims) => claims.changes)).toEqual(changes)
    }
    // It has no answer that could bring another cookie.
    expect(isGivenUp(app, subject)).toBe(before)
  })

  it('is good for life: no sign-in over HTTP makes a connection another visitor\u2019s', async () => {
    const app = await startWithHeaders()
    const visitor = app.visitor()
    const socket = await visitor.connect()
    const { sub } = (await socket.ticket()).claims
    await visitor.fetch('/set', { headers: as('ann') })
    expect(await socket.change('division', 7)).toHaveProperty('stamp')
    expect((await socket.ticket()).claims.sub).toBe(sub)
    expect((await app.live.user('ann')).get('division')).toBe(5)
  })
})
