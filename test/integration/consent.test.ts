import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { auth } from '../support/app/auth.js'
import { startWithConsent } from '../support/app/consent.js'
import { Gate } from '../support/app/gate.js'
import { whoIn } from '../support/app/users.js'

const live = (answer: Response): readonly string[] => {
  return answer.headers.getSetCookie().filter((line) => line.startsWith('live'))
}

describe('without consent', () => {
  it.each(['/', '/set', '/leave'])('%s writes nothing to the browser', async (path) => {
    const app = await startWithConsent()
    const visitor = app.visitor()
    const answer = await visitor.fetch(path)
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(answer.headers.get('cache-control')).toBe('private')
    const page = await answer.json()
    expect([page.who, page.guest]).toEqual([undefined, true])
    expect(page).toMatchObject({ values: { division: path === '/set' ? 5 : -1 } })
    expect((await (await visitor.fetch('/')).json()).values.division).toBe(-1)
  })

  it('a page hears of no name, until there is a cookie', async () => {
    const app = await startWithConsent()
    const visitor = app.visitor()
    const told = async (): Promise<unknown> => (await (await visitor.fetch('/')).json()).who
    expect(await told()).toBeUndefined()
    await visitor.fetch('/agree')
    expect(await told()).toBe(whoIn(visitor))
  })

  it('a user has the values that the server remembers, in every browser', async () => {
    const app = await startWithConsent({
      before: (koa) => [
        auth(koa),
        async (ctx, next) => {
          if (ctx.path === '/login') ctx['session'].user = 'ann'
          await next()
        },
      ],
      options: { identify: (ctx: Koa.Context) => ctx['session'].user } as never,
    })
    const [one, two] = [app.visitor(), app.visitor()]
    for (const visitor of [one, two]) await visitor.fetch('/login')
    expect(live(await one.fetch('/set'))).toEqual([])
    const { who, guest, held, values } = await (await two.fetch('/')).json()
    expect([guest, held, values.division]).toEqual([undefined, undefined, 5])
    expect((await (await one.fetch('/')).json()).who).toBe(who)
  })

  it('is assumed where asking for it fails', async () => {
    const app = await startWithConsent({
      options: {
        consent: () => {
          throw new Error('no consent store')
        },
      },
    })
    const answer = await app.visitor().fetch('/set')
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, []])
    expect(String(app.errors[0])).toMatch('no consent store')
  })
})

describe('when consent comes', () => {
  it('the visitor is remembered from the next answer on', async () => {
    const app = await startWithConsent()
    const visitor = app.visitor()
    await visitor.fetch('/agree')
    expect(live(await visitor.fetch('/set'))).toHaveLength(2)
    expect((await (await visitor.fetch('/')).json()).values.division).toBe(5)
  })
})

describe('when consent is withdrawn', () => {
  it('a connection is told that it is a guest’s, and no name', async () => {
    const app = await startWithConsent()
    const socket = await app.visitor(cookieFor(app.live, { values: { division: 9 } })).connect()
    const { who, kept } = await socket.greeted
    expect([who, kept]).toEqual([undefined, undefined])
    expect((await socket.ticket()).claims).toMatchObject({ guest: true, defaults: {} })
  })

  it('nothing more is written, and leave() removes the cookie', async () => {
    const app = await startWithConsent()
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 9 } }))
    expect(live(await visitor.fetch('/set'))).toEqual([])
    const answer = await visitor.fetch('/leave')
    expect(live(answer)).toEqual([
      expect.stringMatching(/^live=; path=\/; expires=Thu, 01 Jan 1970 00:00:00 GMT; samesite=lax; httponly$/),
      expect.stringMatching(
        /^live\.sig=[\w-]+; path=\/; expires=Thu, 01 Jan 1970 00:00:00 GMT; samesite=lax; httponly$/,
      ),
    ])
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(visitor.cookie).toBe('')
    expect((await (await visitor.fetch('/')).json()).values.division).toBe(-1)
  })
})

const MINUTE = 60 * 1000

describe('a page open when consent comes', () => {
  it('what was chosen is kept, however long ago it was', async () => {
    const app = await startWithConsent()
    const visitor = app.visitor()
    const page = await visitor.open({ path: '/' })
    await expect(page.live.set('division', 3)).rejects.toMatchObject({ code: 'cookies_blocked' })
    app.clock.advance(11 * MINUTE)
    await visitor.fetch('/agree')
    await page.live.flush()
    expect(page.live.status('division')).toEqual({ status: 'saved' })
    await app.stop()
    const after = await startWithConsent({ clock: app.clock })
    expect((await (await after.visitor(visitor.cookie).fetch('/')).json()).values.division).toBe(3)
  })

  it.each([
    ['with a socket', true],
    ['without one', false],
  ])(
    'while the answer to a question of before is under way, the page asks again, and saves: %s',
    async (_, hasSocket) => {
      const app = await startWithConsent()
      const visitor = app.visitor()
      const page = await visitor.open({ path: '/', hasSocket })
      const gate = new Gate()
      page.beforeAnswer = () => gate.pass()
      const set = page.live.set('division', 3).catch(() => undefined)
      await gate.entered
      page.beforeAnswer = async () => undefined
      await visitor.fetch('/agree')
      const flushed = page.live.flush()
      gate.open()
      await Promise.all([set, flushed])
      expect(page.live.status('division')).toEqual({ status: 'saved' })
    },
  )
})
