import { describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app.js'

/** What every browser keeps of one Set-Cookie line: name, value and attributes (RFC 6265, 6.1). */
const MAX_COOKIE = 4096
const MOST = 3784

const write = { schema: z.string(), default: '', client: 'write' } as const
const fields = (maxBytes: number) => {
  return defineFields({ left: { ...write, maxBytes }, right: { ...write, maxBytes }, rest: { ...write, maxBytes: 40 } })
}
/** The longest text that a field of so many bytes takes. */
const longest = (key: string, maxBytes: number): string => {
  const frame = `["${key}",9007199254740991,""],`.length
  return 'x'.repeat(Math.floor((maxBytes * 3) / 4) - frame)
}
const lines = (answer: Response): readonly string[] => answer.headers.getSetCookie()
const longestLine = (answer: Response): number => Math.max(...lines(answer).map((line) => Buffer.byteLength(line)))

describe('threat 14: a cookie that overflows', () => {
  it.each([
    ['one field', 'x'.repeat(1100)],
    ['multi-byte text', '😀'.repeat(275)],
    ['text that JSON escapes', '"'.repeat(550)],
  ])('by %s is refused; the former cookie stays', async (_, text) => {
    const app = await App.start({ fields: fields(1400) })
    const visitor = app.visitor(cookieFor(app.live, { values: { left: 'kept' } }))
    const { cookie } = visitor
    const posted = await visitor.store({ set: [['left', -1, '', text]] })
    expect(await posted.json()).toMatchObject({
      results: [{ code: 'too_large' }],
      held: [['left', expect.any(Number)]],
    })
    const socket = await visitor.connect()
    expect(await socket.change('left', text)).toEqual({ code: 'too_large' })
    expect(visitor.cookie).toBe(cookie)
    const [, stamp] = (await socket.ticket()).claims.changes[0] ?? []
    expect(await (await visitor.store()).json()).toMatchObject({ held: [['left', stamp]] })
  })

  it('does not come of merging what two devices have filled to the brim', async () => {
    const maxBytes = (MOST - 40) / 2
    const app = await App.start({
      fields: fields(maxBytes),
      options: { identify: () => 'ann', cookieBudget: MOST } as never,
    })
    const [one, two] = [app.visitor(), app.visitor()]
    const [left, right] = [longest('left', maxBytes), longest('right', maxBytes)]
    expect((await one.store({ set: [['left', -1, '', left]] })).status).toBe(200)
    const both = await two.store({ set: [['right', -1, '', right]] })
    expect(longestLine(both)).toBeGreaterThan(MAX_COOKIE - 200)
    expect(longestLine(both)).toBeLessThanOrEqual(MAX_COOKIE)
  })

  it('is impossible with any name, attribute and budget that passes at start', () => {
    const most = (options: object): number => {
      const start = (cookieBudget: number): unknown => {
        const app = new Koa({ keys: ['x'.repeat(32)] })
        return liveSession(app, { fields: defineFields({ a: write }), cookieBudget, ...options } as never)
      }
      try {
        start(MAX_COOKIE)
      } catch (error) {
        const [, bytes] = /expected 1 to (\d+) bytes/.exec(String(error)) ?? []
        expect(() => start(Number(bytes))).not.toThrow()
        return Number(bytes)
      }
      throw new Error('nothing was refused')
    }
    expect(most({})).toBe(MOST)
    expect(most({ key: 'a-longer-name' })).toBe(MOST - 'a-longer-name'.length + 'live'.length)
    expect(most({ domain: 'example.com', secure: true })).toBe(MOST - '; domain=example.com'.length)
    expect(most({ sameSite: 'strict' })).toBe(MOST - 'strict'.length + 'lax'.length)
  })

  it('is kept off by what another build left beyond its share: this build’s own come first, then the newest', async () => {
    const clock = (await App.start()).clock
    const other = await App.start({
      clock,
      fields: defineFields({
        left: { ...write, maxBytes: 2560 },
        old: { ...write, maxBytes: 700 },
        new: { ...write, maxBytes: 400 },
      }),
      options: { cookieBudget: MOST },
    })
    const app = await App.start({ clock, fields: fields(1800), options: { cookieBudget: MOST } })
    const visitor = other.visitor()
    const sizes = { left: 2560, old: 700, new: 400 }
    for (const [key, maxBytes] of Object.entries(sizes)) {
      clock.advance(1)
      expect((await visitor.store({ set: [[key, -1, '', longest(key, maxBytes)]] })).status).toBe(200)
    }
    const here = app.visitor(visitor.cookie)
    const answer = await here.store({ set: [['right', -1, '', 'x'.repeat(500)]] })
    expect(longestLine(answer)).toBeLessThanOrEqual(MAX_COOKIE)
    const keys = (await (await here.store()).json()).held.map(([key]: [string]) => key)
    expect(keys).toEqual(['right', 'left'])
    const back = other.visitor(here.cookie)
    expect((await (await back.store()).json()).held.map(([key]: [string]) => key)).toEqual(['left', 'new'])
  })
})
