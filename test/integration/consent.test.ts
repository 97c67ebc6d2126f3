import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { auth, identify } from '../support/app/auth.js'
import { startWithConsent } from '../support/app/consent.js'
import { written } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { values, whoIn } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const divisionOf = async (visitor: Visitor): Promise<unknown> => JSON.parse(await visitor.text('/')).values.division

describe('without consent', () => {
  it.each(['/', '/set', '/leave'])('%s writes no cookie', async (path) => {
    const app = await startWithConsent()
    const visitor = app.visitor()
    const answer = await visitor.fetch(path)
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(answer.headers.get('cache-control')).toBe('private')
    const page = await answer.json()
    expect([page.who, page.guest]).toEqual([undefined, true])
    expect(page).toMatchObject({ values: { division: path === '/set' ? 5 : -1 } })
    expect(await divisionOf(visitor)).toBe(-1)
  })

  it('a user shares values across browsers, in memory', async () => {
    const app = await startWithConsent({
      before: (koa) => [
        auth(koa),
        async (ctx, next) => {
          if (ctx.path === '/login') ctx['session'].user = 'ann'
          await next()
        },
      ],
      options: { identify } as never,
    })
    const [one, two] = [app.visitor(), app.visitor()]
    for (const visitor of [one, two]) await visitor.fetch('/login')
    expect(written(await one.fetch('/set'))).toEqual([])
    const { who, guest, held, values: shown } = (await values(two)) as never as Record<string, never>
    expect([guest, held, shown]).toEqual([undefined, undefined, expect.objectContaining({ division: 5 })])
    expect((await values(one))['who']).toBe(who)
  })

  it('writes no cookie if consent() throws', async () => {
    const consent = (): never => {
      throw new Error('no consent store')
    }
    const app = await startWithConsent({ options: { consent } })
    const answer = await app.visitor().fetch('/set')
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, []])
    expect(String(app.errors[0])).toMatch('no consent store')
  })
})

it('consent brings a cookie and a `who` with the next response', async () => {
  const app = await startWithConsent()
  const visitor = app.visitor()
  expect((await values(visitor))['who']).toBeUndefined()
  await visitor.fetch('/agree')
  expect(written(await visitor.fetch('/set'))).toHaveLength(2)
  expect((await values(visitor))['who']).toBe(whoIn(visitor))
  expect(await divisionOf(visitor)).toBe(5)
})

describe('withdrawn consent', () => {
  it('removes `who` from the greeting of new connections', async () => {
    const app = await startWithConsent()
    const socket = await app.visitor(cookieFor(app.live, { values: { division: 9 } })).connect()
    const { who, hasCookie: kept } = await socket.greeted
    expect([who, kept]).toEqual([undefined, undefined])
    expect((await socket.ticket()).claims).toMatchObject({ guest: true, defaults: {} })
  })

  it('keeps set() from writing the cookie; leave() clears the cookie', async () => {
    const app = await startWithConsent()
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 9 } }))
    expect(written(await visitor.fetch('/set'))).toEqual([])
    const answer = await visitor.fetch('/leave')
    const past = 'path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; samesite=lax; httponly'
    expect(written(answer)).toEqual([
      `live=; ${past}`,
      expect.stringMatching(new RegExp(`^live\\.sig=[\\w-]+; ${past}$`)),
    ])
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(visitor.cookie).toBe('')
    expect(await divisionOf(visitor)).toBe(-1)
  })
})

describe('a page opened before consent', () => {
  it('saves its earlier changes after consent', async () => {
    const app = await startWithConsent()
    const visitor = app.visitor()
    const page = await visitor.open({ path: '/' })
    await expect(page.live.set('division', 3)).rejects.toMatchObject({ code: 'cookies_blocked' })
    app.clock.advance(11 * 60 * 1000)
    await visitor.fetch('/agree')
    await page.live.flush()
    expect(page.live.status('division')).toEqual({ status: 'saved' })
    await app.stop()
    const after = await startWithConsent({ clock: app.clock })
    expect(await divisionOf(after.visitor(visitor.cookie))).toBe(3)
  })

  it.each([true, false])('POSTs again if consent arrives during a POST (socket: %s)', async (hasSocket) => {
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
  })
})
