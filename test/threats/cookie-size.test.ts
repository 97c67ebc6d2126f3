/**
 * Loads modules of its own, because V8 counts the steps of loops only in code compiled during the test.
 *
 * @jest-environment node
 */
import { describe, expect, it, jest } from '@jest/globals'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { coreOf } from '../../server/plugin.js'
import { SigningKeys } from '../../server/subjects/signing-keys.js'
import { App } from '../support/app/app.js'
import { workOf } from '../support/app/work.js'

const keys = ['a secret of at least thirty-two bytes', 'a retired secret of at least thirty-two bytes']

const start = (options: object = {}) =>
  App.start({
    keys,
    options: options as never,
    routes: (ctx) => {
      ctx.body = String(ctx.liveSession.get('division'))
    },
  })

/** Counts the verifications of texts from now on. */
function countVerified(): () => number {
  const spies = [jest.spyOn(SigningKeys.prototype, 'find'), jest.spyOn(SigningKeys.prototype, 'index')]
  const count = (): number => spies.reduce((sum, { mock }) => sum + mock.calls.length, 0)
  const before = count()
  return () => count() - before
}

/** Fills a header with parts, up to so many bytes. */
function fill(bytes: number, part: (index: number) => string): string {
  const { length } = `${part(1000)}; `
  return Array.from({ length: Math.floor(bytes / length) }, (_, index) => part(1000 + index)).join('; ')
}

const text = (index: number): string => `live=${`${index}`.padEnd(80, 'A')}`

const signature = (index: number): string => `live.sig=${`${index}`.padEnd(43, 'B')}`

const pair = (index: number): string => `${text(index)}; ${signature(index)}`

describe('threat 83: a Cookie header full of pairs with our name', () => {
  it.each([
    ['without a store', () => ({})],
    ['with a store', () => ({ store: memoryStore() })],
  ])('costs at most one verification per pair, %s', async (_, options) => {
    const app = await start(options())
    const own = cookieFor(app.live, { values: { division: 5 } })
    const header = `${fill(14_000, pair)}; ${own}`
    const verified = countVerified()
    const answer = await fetch(app.url, { headers: { cookie: header } })
    expect(await answer.text()).toBe('5')
    expect(verified()).toBeLessThanOrEqual(header.split('live=').length)
  })

  it.each([
    ['15 kB of pairs', 15_000, pair],
    ['60 kB of pairs', 60_000, pair],
    ['60 kB of texts', 60_000, text],
    ['60 kB of signatures', 60_000, signature],
    ['60 kB of names without a value', 60_000, () => 'live='],
    ['60 kB of similar names', 60_000, () => 'is_live='],
    ['60 kB of spaces', 60_000, () => `${' '.repeat(400)}x live=`],
  ])('costs less than one step per byte: %s', async (_, bytes, part) => {
    const app = await start()
    const own = cookieFor(app.live, { values: { division: 5 } })
    const cookie = `${fill(bytes, part)}; ${own}`
    const read = () => coreOf(app.live).cookie.read({ headers: { cookie } })
    const verified = countVerified()
    expect(read()).toMatchObject({ browser: expect.any(String) })
    expect(verified()).toBeLessThanOrEqual(181)
    expect((await workOf(async () => read())).steps).toBeLessThan(cookie.length)
  })
})

describe('threat 14: an overflowing cookie', () => {
  /** The most bytes of a Set-Cookie line kept by every browser, with name, value and attributes (RFC 6265, 6.1). */
  const MAX_COOKIE = 4096
  const MOST = 3784
  const write = { schema: z.string(), default: '', client: 'write' } as const

  const fields = (maxBytes: number) => {
    return defineFields({
      left: { ...write, maxBytes },
      right: { ...write, maxBytes },
      rest: { ...write, maxBytes: 40 },
    })
  }

  /** The longest text that fits a field of so many bytes. */
  const longest = (key: string, maxBytes: number): string => {
    const frame = `["${key}",9007199254740991,""],`.length
    return 'x'.repeat(Math.floor((maxBytes * 3) / 4) - frame)
  }

  const lines = (answer: Response): readonly string[] => answer.headers.getSetCookie()
  const longestLine = (answer: Response): number => Math.max(...lines(answer).map((line) => Buffer.byteLength(line)))

  it.each([
    ['one field', 'x'.repeat(1100)],
    ['multi-byte text', '😀'.repeat(275)],
    ['text that JSON escapes', '"'.repeat(550)],
  ])('is refused, and leaves the former cookie: %s', async (_, text) => {
    const app = await App.start({ fields: fields(1400), options: { cookieBudget: 3000 } })
    const visitor = app.visitor(cookieFor(app.live, { values: { left: 'kept' } }))
    const { cookie } = visitor
    const posted = await visitor.store({ set: [['left', -1, '', text]] })
    expect(await posted.json()).toMatchObject({
      results: [{ code: 'too_large' }],
      persisted: [['left', expect.any(Number)]],
    })
    const socket = await visitor.connect()
    expect(await socket.change('left', text)).toEqual({ code: 'too_large' })
    expect(visitor.cookie).toBe(cookie)
    const [, stamp] = (await socket.ticket()).claims.changes[0] ?? []
    expect(await (await visitor.store()).json()).toMatchObject({ persisted: [['left', stamp]] })
  })

  it('does not result from merging the full values of two browsers', async () => {
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

  it('is impossible with any accepted options', () => {
    const most = (options: object): number => {
      const start = (cookieBudget: number): unknown => {
        const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
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
    const framed = 'live-part; samesite=none; partitioned'.length - 'live; samesite=lax'.length
    expect(most({ partitioned: true, secure: true, key: 'live' })).toBe(MOST - framed)
  })

  it('drops the oldest unknown values of another build first', async () => {
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
    const keys = (await (await here.store()).json()).persisted.map(([key]: [string]) => key)
    expect(keys).toEqual(['right', 'left'])
    const back = other.visitor(here.cookie)
    expect((await (await back.store()).json()).persisted.map(([key]: [string]) => key)).toEqual(['left', 'new'])
  })
})

describe('threat 14: values that another build has allowed', () => {
  /** docs/deployment.md: the default budget, 300 bytes of features, and the cookie's name, ids and attributes. */
  const MOST_BY_DEFAULT = 2612
  const text = (maxBytes: number) => ({ schema: z.string(), default: '', client: 'write' as const, maxBytes })
  type Shares = Readonly<Record<string, number>>

  /** The browser of a visitor through several builds, each in a process of its own. */
  class Deploys {
    cookie = ''
    longest = 0
    /** The status of each field in a page that is opened before the restart. */
    statuses: Readonly<Record<string, string>> = {}
    readonly warnings: string[] = []
    readonly #clock = App.start().then(({ clock }) => clock)

    /** Sets values in a new process, one after the other, and returns the length of each value after a restart. */
    async run(shares: Shares, set: Shares = {}, options: object = {}): Promise<Shares> {
      await this.visit(shares, set, options)
      return this.visit(shares, {}, options)
    }

    async visit(shares: Shares, set: Shares, options: object = {}): Promise<Shares> {
      const clock = await this.#clock
      const keys = Object.keys(shares)
      const app = await App.start({
        clock,
        fields: defineFields(Object.fromEntries(keys.map((key) => [key, text(shares[key] ?? 0)]))) as never,
        options: options as never,
        routes: (ctx) => {
          const lengths = keys.map((key) => [key, String(ctx.liveSession.get(key as never)).length])
          ctx.body = ctx.path === '/page' ? ctx.liveSession.snapshot() : Object.fromEntries(lengths)
        },
      })
      const visitor = app.visitor(this.cookie || undefined)
      for (const [key, length] of Object.entries(set)) {
        clock.advance(1)
        const answer = await visitor.store({ set: [[key, -1, '', 'x'.repeat(length)]] })
        expect(await answer.json()).toMatchObject({ results: [{ stamp: expect.any(Number) }] })
        this.#measure(answer)
      }
      const answer = await visitor.fetch('/')
      this.#measure(answer)
      const page = await visitor.open({ path: '/page', hasSocket: false })
      await page.live.flush()
      this.statuses = Object.fromEntries(keys.map((key) => [key, page.live.status(key as never).status]))
      this.cookie = visitor.cookie
      this.warnings.push(...app.warnings)
      await app.stop()
      return (await answer.json()) as Shares
    }

    #measure(answer: Response): void {
      for (const line of answer.headers.getSetCookie()) this.longest = Math.max(this.longest, line.length)
    }
  }

  it('share cookieBudget: three replaced fields add nothing', async () => {
    const browser = new Deploys()
    for (const key of ['cart', 'notes', 'drafts', 'plans'])
      expect(await browser.run({ [key]: 1900 }, { [key]: 1350 })).toEqual({ [key]: 1350 })
    expect(browser.longest).toBeLessThanOrEqual(MOST_BY_DEFAULT)
  })

  it('stay as far as cookieBudget has space, the newest first', async () => {
    const browser = new Deploys()
    await browser.run({ old: 900, mid: 700, big: 400 }, { old: 500, mid: 450, big: 250 })
    expect(await browser.run({ now: 900 }, { now: 600 })).toEqual({ now: 600 })
    expect(await browser.run({ old: 900, mid: 700, big: 400 })).toEqual({ old: 0, mid: 450, big: 250 })
  })

  it('give way to values within maxBytes after each change of maxBytes', async () => {
    const browser = new Deploys()
    const shares = (big: string) => ({ a: 100, b: 100, c: 100, [big]: 1700 })
    expect(await browser.run(shares('a'), { a: 1200, b: 30 })).toEqual({ a: 1200, b: 30, c: 0 })
    expect(await browser.run(shares('c'), { c: 1200 })).toEqual({ a: 0, b: 30, c: 1200 })
    expect(await browser.run(shares('b'), { b: 1200 })).toEqual({ a: 0, b: 1200, c: 0 })
    expect(browser.longest).toBeLessThanOrEqual(MOST_BY_DEFAULT)
  })

  it('are reported unsaved, by page and log, once they left the cookie', async () => {
    const [browser, other] = [new Deploys(), new Deploys()]
    await browser.visit({ a: 1900, c: 100 }, { a: 1200, c: 30 })
    expect([browser.statuses, browser.warnings]).toEqual([{ a: 'saved', c: 'saved' }, []])
    await browser.visit({ a: 100, c: 1900 }, { c: 1200 })
    expect(browser.statuses).toEqual({ a: 'rejected', c: 'saved' })
    expect(browser.warnings).toEqual([
      'koa-live-session: fields.a: an earlier build has allowed larger values, and the live cookie has no space for one: ' +
        'a restart loses it. Raise maxBytes and cookieBudget again, or pass a store',
    ])
    const options = { store: memoryStore() }
    await other.visit({ a: 1900, c: 100 }, { a: 1200, c: 30 }, options)
    await other.visit({ a: 100, c: 1900 }, { c: 1200 }, options)
    expect([other.statuses, other.warnings]).toEqual([{ a: 'saved', c: 'saved' }, []])
    expect(await other.visit({ a: 100, c: 1900 }, {}, options)).toEqual({ a: 1200, c: 1200 })
  })

  it('leave the cookie at once after cookieBudget was lowered', async () => {
    const browser = new Deploys()
    await browser.run({ a: 1500, b: 1500 }, { a: 1000, b: 1000 }, { cookieBudget: 3000 })
    const { longest } = browser
    browser.longest = 0
    expect(await browser.run({ a: 1000, b: 1000 })).toEqual({ a: 0, b: 1000 })
    expect(longest).toBeGreaterThan(MOST_BY_DEFAULT)
    expect(browser.longest).toBeLessThanOrEqual(MOST_BY_DEFAULT)
  })
})
