import { describe, expect, it } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { pages } from '../support/auth.js'
import { set, values } from '../support/users.js'

const DAY = 24 * 60 * 60 * 1000
const options = { maxAge: 'session' } as const
const ATTRIBUTES = ['path=/', 'samesite=lax', 'httponly']

/** What an answer's cookies say besides their values. */
function attributes(answer: Response): readonly (readonly string[])[] {
  return answer.headers.getSetCookie().map((cookie) => cookie.split('; ').slice(1))
}

describe("a cookie of maxAge: 'session'", () => {
  it('has no Expires and no Max-Age, so that it ends with the browser, also where it is written again', async () => {
    const app = await App.start({ options, routes: pages })
    const visitor = app.visitor()
    expect(attributes(await visitor.fetch('/set?values={"division":3}'))).toEqual([ATTRIBUTES, ATTRIBUTES])
    expect(attributes(await visitor.store())).toEqual([ATTRIBUTES, ATTRIBUTES])
    app.clock.advance(16 * DAY)
    expect(attributes(await visitor.fetch('/'))).toEqual([ATTRIBUTES, ATTRIBUTES])
  })

  it('is good for 31 days after the last use in a browser that never ends, and then for nothing', async () => {
    const app = await App.start({ options, routes: pages })
    const visitor = app.visitor()
    await set(visitor, { division: 3 })
    for (let count = 0; count < 3; count += 1) {
      app.clock.advance(30 * DAY)
      expect(await values(visitor)).toMatchObject({ division: 3 })
    }
    app.clock.advance(31 * DAY)
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })

  it('goes with tickets, and with what was given up, that last as long', async () => {
    const app = await App.start({ options, routes: pages })
    const visitor = app.visitor()
    await set(visitor, { division: 3 })
    const { cookie } = visitor
    const { claims, text } = await (await visitor.connect()).ticket()
    expect(claims.exp - claims.iat).toBe((31 * DAY) / 1000)
    app.clock.advance(31 * DAY - 2000)
    expect((await app.visitor(cookie).store({ tickets: [text] })).status).toBe(200)
    await app.visitor(cookie).fetch('/leave')
    expect(await values(app.visitor(cookie))).toMatchObject({ division: -1 })
  })

  it('needs a store that keeps as long what is used', async () => {
    const short = Object.assign(memoryStore(), { maxIdle: 30 * DAY })
    await expect(App.start({ options: { ...options, store: short } })).rejects.toThrow(
      `koa-live-session: store: expected one that keeps values for maxAge (${31 * DAY} ms) or longer, like redisStore(client, { maxIdle: ${31 * DAY} }), received ${30 * DAY}`,
    )
  })
})

describe('maxAge', () => {
  it.each(['Session', '31d', 0, Number.POSITIVE_INFINITY])(
    'of %p is refused, saying what it may be',
    async (maxAge) => {
      await expect(App.start({ options: { maxAge: maxAge as never } })).rejects.toThrow(
        `koa-live-session: maxAge: expected ms, more than 0 and at most 100 years, or 'session', received ${maxAge}`,
      )
    },
  )
})
