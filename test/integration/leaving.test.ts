import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import type { App } from '../support/app/app.js'
import { written } from '../support/app/departures.js'
import { as, browserOf, isGivenUp, startWithHeaders, visitorWith } from '../support/app/kinds-of-cookies.js'
import { cookieContent, nameOf } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const NOTHING = { division: -1, theme: 'light' }

/** A browser in which ann has set something for her account, and something for this browser. */
async function ofAnn(app: App): Promise<Visitor> {
  const visitor = app.visitor(cookieFor(app.live, { userId: 'ann', values: { division: 1, theme: 'dark' } }))
  await visitor.fetch('/', { headers: as('ann') })
  return visitor
}

const isTakenAway = (answer: Response): boolean => {
  const lines = written(answer)
  return lines.length === 2 && lines.every((line) => line.includes('expires=Thu, 01 Jan 1970'))
}

describe('leave() of a user', () => {
  it('gives the browser a new id, under which what is its own goes on', async () => {
    const app = await startWithHeaders()
    const visitor = await ofAnn(app)
    const before = nameOf(visitor)
    const subject = browserOf(visitor)
    const answer = await visitor.fetch('/leave', { headers: as('ann') })
    expect(await answer.json()).toEqual({ division: -1, theme: 'dark' })
    expect(isGivenUp(app, subject)).toBe(true)
    expect(nameOf(visitor)).not.toBe(before)
    expect(cookieContent(visitor)).toMatchObject({ epoch: 0, r: [['theme', expect.any(Number), 'dark']] })
    expect(cookieContent(visitor)).not.toHaveProperty('user')
    expect(await (await visitor.fetch('/')).json()).toEqual({ division: -1, theme: 'dark' })
    expect((await app.live.user('ann')).get('division')).toBe(1)
  })

  it('forgets all of the browser where that is asked for; the account keeps its own', async () => {
    const app = await startWithHeaders()
    const visitor = await ofAnn(app)
    const subject = browserOf(visitor)
    const answer = await visitor.fetch('/forget', { headers: as('ann') })
    expect([isTakenAway(answer), await answer.json(), visitor.cookie]).toEqual([true, NOTHING, ''])
    expect(isGivenUp(app, subject)).toBe(true)
    expect(await (await visitor.fetch('/')).json()).toEqual(NOTHING)
    expect((await app.live.user('ann')).get('division')).toBe(1)
  })
})

describe.each([
  ['leave() of a guest', '/leave', undefined],
  ['leave({ forget: true }) of a guest', '/forget', undefined],
  ['leave({ forget: true }) of a user', '/forget', 'ann'],
] as const)('%s', (_, path, user) => {
  const start = async () => {
    const app = await startWithHeaders()
    const visitor = await visitorWith(app, user ?? 'guest')
    return { app, visitor, subject: browserOf(visitor), headers: as(user) }
  }

  it('takes the cookie away, with all that there was', async () => {
    const { app, visitor, subject, headers } = await start()
    const answer = await visitor.fetch(path, { headers })
    expect([isTakenAway(answer), await answer.json(), visitor.cookie]).toEqual([true, NOTHING, ''])
    expect(isGivenUp(app, subject)).toBe(true)
  })

  it.each(['/embed', '/snapshot', '/embed/snapshot'])('brings none by showing values afterwards: %s', async (deeds) => {
    const { visitor, headers } = await start()
    const answer = await visitor.fetch(`${path}${deeds}`, { headers })
    expect([isTakenAway(answer), visitor.cookie]).toEqual([true, ''])
  })

  it('takes it away also where values were shown, or set, before', async () => {
    for (const deeds of ['/embed', '/set', '/dark/embed']) {
      const { visitor, headers } = await start()
      const answer = await visitor.fetch(`${deeds}${path}`, { headers })
      expect([deeds, isTakenAway(answer), visitor.cookie]).toEqual([deeds, true, ''])
    }
  })

  it('brings another one for what is set afterwards, which says only that', async () => {
    const { app, visitor, subject, headers } = await start()
    const answer = await visitor.fetch(`${path}/dark/embed`, { headers })
    expect([written(answer).length, isTakenAway(answer)]).toEqual([2, false])
    expect(browserOf(visitor)).not.toBe(subject)
    expect(isGivenUp(app, browserOf(visitor))).toBe(false)
    expect(cookieContent(visitor).r).toEqual([['theme', expect.any(Number), 'dark']])
    expect(await (await visitor.fetch('/')).json()).toEqual({ division: -1, theme: 'dark' })
  })
})

it.each(['none', 'given-up', 'given-up ann', 'newer'] as const)(
  'leave() takes no cookie away that is not the visitor\u2019s, as it may be another\u2019s by then: %s',
  async (kind) => {
    const app = await startWithHeaders()
    for (const path of ['/leave', '/forget', ...(kind === 'newer' ? ['/leave/embed'] : [])]) {
      const visitor = await visitorWith(app, kind)
      expect(written(await visitor.fetch(path))).toEqual([])
    }
  },
)
