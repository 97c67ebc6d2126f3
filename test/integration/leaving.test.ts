import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import type { App } from '../support/app/app.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { written } from '../support/app/departures.js'
import { as, browserOf, isRetired, startWithHeaders, visitorWith } from '../support/app/kinds-of-cookies.js'
import { nameOf } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const DEFAULTS = { division: -1, theme: 'light' }

/** Ann's browser, with an account value and a browser value. */
async function ofAnn(app: App): Promise<Visitor> {
  const visitor = app.visitor(cookieFor(app.live, { userId: 'ann', values: { division: 1, theme: 'dark' } }))
  await visitor.fetch('/', { headers: as('ann') })
  return visitor
}

const isCleared = (answer: Response): boolean => {
  const lines = written(answer)
  return lines.length === 2 && lines.every((line) => line.includes('expires=Thu, 01 Jan 1970'))
}

describe('leave() of a user', () => {
  it('issues a new browser id, and keeps the browser values', async () => {
    const app = await startWithHeaders()
    const visitor = await ofAnn(app)
    const before = nameOf(visitor)
    const subject = browserOf(visitor)
    const answer = await visitor.fetch('/leave', { headers: as('ann') })
    expect(await answer.json()).toEqual({ division: -1, theme: 'dark' })
    expect(isRetired(app, subject)).toBe(true)
    expect(nameOf(visitor)).not.toBe(before)
    expect(cookieContent(visitor)).toMatchObject({ epoch: 0, r: [['theme', expect.any(Number), 'dark']] })
    expect(cookieContent(visitor)).not.toHaveProperty('user')
    expect(await (await visitor.fetch('/')).json()).toEqual({ division: -1, theme: 'dark' })
    expect((await app.live.user('ann')).get('division')).toBe(1)
  })

  it("with forget, removes browser values, not the account's", async () => {
    const app = await startWithHeaders()
    const visitor = await ofAnn(app)
    const subject = browserOf(visitor)
    const answer = await visitor.fetch('/forget', { headers: as('ann') })
    expect([isCleared(answer), await answer.json(), visitor.cookie]).toEqual([true, DEFAULTS, ''])
    expect(isRetired(app, subject)).toBe(true)
    expect(await (await visitor.fetch('/')).json()).toEqual(DEFAULTS)
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

  it('clears the cookie and the values', async () => {
    const { app, visitor, subject, headers } = await start()
    const answer = await visitor.fetch(path, { headers })
    expect([isCleared(answer), await answer.json(), visitor.cookie]).toEqual([true, DEFAULTS, ''])
    expect(isRetired(app, subject)).toBe(true)
  })

  it.each(['/embed', '/snapshot', '/embed/snapshot'])(
    'sets no cookie when values are shown afterwards: %s',
    async (actions) => {
      const { visitor, headers } = await start()
      const answer = await visitor.fetch(`${path}${actions}`, { headers })
      expect([isCleared(answer), visitor.cookie]).toEqual([true, ''])
    },
  )

  it('clears the cookie even after values were shown or set', async () => {
    for (const actions of ['/embed', '/set', '/dark/embed']) {
      const { visitor, headers } = await start()
      const answer = await visitor.fetch(`${actions}${path}`, { headers })
      expect([actions, isCleared(answer), visitor.cookie]).toEqual([actions, true, ''])
    }
  })

  it('sets a new cookie with later changes only', async () => {
    const { app, visitor, subject, headers } = await start()
    const answer = await visitor.fetch(`${path}/dark/embed`, { headers })
    expect([written(answer).length, isCleared(answer)]).toEqual([2, false])
    expect(browserOf(visitor)).not.toBe(subject)
    expect(isRetired(app, browserOf(visitor))).toBe(false)
    expect(cookieContent(visitor).r).toEqual([['theme', expect.any(Number), 'dark']])
    expect(await (await visitor.fetch('/')).json()).toEqual({ division: -1, theme: 'dark' })
  })
})

it.each(['none', 'retired', 'retired ann', 'newer'] as const)(
  "leave() keeps another visitor's cookie: %s",
  async (kind) => {
    const app = await startWithHeaders()
    for (const path of ['/leave', '/forget', ...(kind === 'newer' ? ['/leave/embed'] : [])]) {
      const visitor = await visitorWith(app, kind)
      expect(written(await visitor.fetch(path))).toEqual([])
    }
  },
)
