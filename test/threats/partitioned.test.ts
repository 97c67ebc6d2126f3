import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import type { Visitor } from '../support/app/visitor.js'

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write', url: 'division' },
})

/** Sets a value or adds a message, and returns the value and the messages taken. */
const routes: Koa.Middleware = async (ctx) => {
  if (ctx.path === '/set') await ctx.liveSession.set('division', Number(ctx.query['to']) as never)
  if (ctx.path === '/say') await ctx.liveSession.flash('said')
  ctx.body = { division: ctx.liveSession.get('division'), messages: await ctx.liveSession.takeFlash() }
}

// A proxy ends TLS.
const before = (koa: Koa): readonly Koa.Middleware[] => {
  koa.proxy = true
  return []
}

const start = (options: object = {}) =>
  App.start<typeof fields>({ fields, routes, before, attach: { handshake: [] }, options: { secure: true, ...options } })

const FRAME = { 'sec-fetch-dest': 'iframe', accept: 'text/html', 'x-forwarded-proto': 'https' }

async function ask(visitor: Visitor, path: string, headers: Record<string, string> = FRAME, cookie?: string) {
  const response = await fetch(visitor.url + path, { headers: { ...headers, ...(cookie ? { cookie } : {}) } })
  const cookies = response.headers.getSetCookie()
  return { ...(await response.json()), cookies, cookie: cookies.map((one) => one.split(';')[0]).join('; ') }
}

describe('threat 79: partitioned cookies, switched on later', () => {
  it('have another name; the former cookie has no effect', async () => {
    const [former, app] = [await start(), await start({ partitioned: true })]
    const old = await ask(former.visitor(), '/set?to=3')
    expect(old.cookies[0]).toMatch(/^__Host-live=/)
    const visitor = app.visitor()
    expect(await ask(visitor, '/', FRAME, old.cookie)).toMatchObject({ division: -1 })
    const set = await ask(visitor, '/set?to=4', FRAME, old.cookie)
    expect(set.cookies[0]).toMatch(/^__Host-live-part=.*; samesite=none; secure; httponly; partitioned$/i)
    expect(await ask(visitor, '/', FRAME, `${old.cookie}; ${set.cookie}`)).toMatchObject({ division: 4 })
  })

  it.each(['mine', '__Host-mine'])('threat 97: have another name even for the chosen key %s', async (key) => {
    const former = await start({ key, sameSite: 'none' })
    const app = await start({ key, partitioned: true })
    const old = await ask(former.visitor(), '/set?to=3')
    const visitor = app.visitor()
    expect(await ask(visitor, '/', FRAME, old.cookie)).toMatchObject({ division: -1 })
    const followed = await ask(visitor, '/?division=5', FRAME, old.cookie)
    expect(followed.cookies[0]).toMatch(new RegExp(`^${key}-part=.*; partitioned$`, 'i'))
    const own = await ask(visitor, '/set?to=4', FRAME, `${old.cookie}; ${followed.cookie}`)
    expect(await ask(visitor, '/', FRAME, `${old.cookie}; ${own.cookie}`)).toMatchObject({ division: 4 })
    expect(await ask(former.visitor(), '/', FRAME, `${old.cookie}; ${own.cookie}`)).toMatchObject({ division: 3 })
  })

  it.each([
    [{ partitioned: true, secure: undefined }, 'partitioned: it needs secure: true, or browsers drop the cookie'],
    [{ partitioned: true, sameSite: 'lax' }, "sameSite: expected 'none' with partitioned: true"],
    [{ partitioned: 'yes' }, 'partitioned: expected a boolean'],
  ])('fail at start with options that browsers reject: %j', async (options, message) => {
    await expect(start(options)).rejects.toThrow(message)
  })
})

describe('threat 80: a frame of another site', () => {
  it('shows messages and follows its address with partitioned cookies only', async () => {
    const [framed, other] = [await start({ partitioned: true }), await start({ sameSite: 'none' })]
    const said = await Promise.all([framed, other].map((app) => ask(app.visitor(), '/say')))
    expect(said.map(({ messages }) => messages)).toEqual([['said'], []])
    const followed = await Promise.all([framed, other].map((app) => ask(app.visitor(), '/?division=5')))
    expect(followed.map(({ division }) => division)).toEqual([5, -1])
  })

  it.each(['image', 'script', 'embed', 'object'])('takes no message and no address as %s', async (destination) => {
    const app = await start({ partitioned: true })
    const headers = { ...FRAME, 'sec-fetch-dest': destination }
    expect(await ask(app.visitor(), '/?division=5', headers)).toMatchObject({ division: -1 })
    expect(await ask(app.visitor(), '/say', headers)).toMatchObject({ messages: [] })
  })
})
