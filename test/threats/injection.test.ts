import { describe, expect, it } from '@jest/globals'
import { defineFields, type JsonValue } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app/app.js'

const fields = defineFields({
  note: { schema: z.string(), default: '', client: 'write' },
  counts: { schema: z.record(z.string(), z.number()), default: {}, client: 'write' },
})
type InjectionFields = typeof fields

/** Starts an app that sets the values of a header without awaiting, and responds with a value. */
function start(options: object = {}): Promise<App<InjectionFields>> {
  return App.start<InjectionFields>({
    fields,
    options,
    attach: { handshake: [] },
    routes: async (ctx) => {
      const text = Buffer.from(ctx.get('x-set'), 'base64url').toString()
      const values: Record<string, JsonValue> = text === '' ? {} : JSON.parse(text)
      for (const [key, value] of Object.entries(values)) void ctx.liveSession.set(key, value)
      ctx.body = { note: ctx.liveSession.get('note') }
    },
  })
}

const setting = (values: object): RequestInit => ({
  headers: { 'x-set': Buffer.from(JSON.stringify(values)).toString('base64url') },
})

const HOSTILE = [
  ['a header of its own', 'x\r\nSet-Cookie: admin=1'],
  ['a line of its own', 'x\n2026-01-01 INFO admin signed in'],
  ['an attribute of its own', 'x; Domain=example.com; Path=/admin'],
  ['another cookie', 'x, live=evil'],
  ['control characters', '\u0000\u001b[2J\u007f\u009b1m'],
  ['separators of lines', '\u2028\u2029\u0085'],
  ['quotes', '"\'`\\'],
  ['other scripts', '\u00fc\u6f22\ud83d\ude00'],
] as const

/** Ends of lines, and control characters of terminals. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for control characters
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

describe('threat 22: header injection', () => {
  it.each(HOSTILE)('fails through a value: %s', async (_, value) => {
    const app = await start()
    const visitor = app.visitor()
    const answer = await visitor.fetch('/', setting({ note: value }))
    const cookies = answer.headers.getSetCookie()
    expect(cookies).toHaveLength(2)
    for (const cookie of cookies) {
      expect(cookie).toMatch(/^live(\.sig)?=[\w+/=-]+; path=\/; expires=[^;]+; samesite=lax; httponly$/)
    }
    expect([...answer.headers.keys()].sort()).toEqual(
      [...(await app.visitor().fetch('/', setting({ note: 'x' }))).headers.keys()].sort(),
    )
    expect(await (await visitor.fetch('/')).json()).toEqual({ note: value })
  })

  it.each(HOSTILE)('fails through a key: %s', async (_, text) => {
    const app = await start()
    for (const key of [text, `note${text}`]) {
      const posted = await app.visitor().store({ set: [[key, -1, '', 'x']] })
      expect([posted.status, (await posted.json()).results]).toEqual([200, [{ code: 'undeclared_key' }]])
      for (const cookie of posted.headers.getSetCookie())
        expect(cookie).toMatch(/^live(\.sig)?=[\w+/=-]+; path=\/; expires=[^;]+; samesite=lax; httponly$/)
      const socket = await app.visitor().connect()
      expect(await socket.change(key, 'x')).toEqual({ code: 'undeclared_key' })
      const answer = await app.visitor().fetch('/', setting({ [key]: 'x' }))
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, []])
    }
    expect(app.warnings).toEqual([])
  })

  it.each(HOSTILE)('fails through a user id: %s', async (_, id) => {
    const app = await start({ identify: () => id })
    const answer = await app.visitor().fetch('/', setting({ note: 'x' }))
    expect(answer.status).toBe(200)
    for (const cookie of answer.headers.getSetCookie()) expect(cookie).toMatch(/^live(\.sig)?=[\w+/=-]+; path=\//)
    const socket = await app.visitor().connect()
    expect((await socket.ticket()).text).toMatch(/^[\w.-]+$/)
    expect([app.errors, app.warnings]).toEqual([[], []])
  })
})

describe('threat 22: log injection', () => {
  it.each([
    ['a path', 'http://evil.example/x y z'],
    ['an escape of a terminal', 'http://evil.example/\u009b2J'],
    ['an end of line', 'http://evil.example/\u0085INFO admin signed in'],
    ['quotes', '"http://evil.example"'],
    ['7 kB', `http://${'x'.repeat(7000)}.example`],
  ])('fails through a foreign origin and host: %s', async (_, text) => {
    const app = await start()
    app.koa.proxy = true
    for (const headers of [{ origin: text }, { origin: 'http://evil.example', 'x-forwarded-host': text }]) {
      expect((await app.visitor().store({}, headers)).status).toBe(403)
      await expect(app.visitor().connect('/', headers)).rejects.toMatchObject({ data: { code: 'bad_origin' } })
    }
    expect(app.warnings.length).toBeGreaterThan(1)
    for (const warning of app.warnings) {
      expect(warning).toMatch(/^koa-live-session: 403 bad_origin: the browser says /)
      expect(warning).not.toMatch(CONTROL)
      expect(warning.length).toBeLessThan(700)
    }
  })

  it.each(HOSTILE)('fails through keys: %s', async (_, key) => {
    const app = await start()
    await app.visitor().fetch('/', setting({ [key]: 'x' }))
    await app.visitor().fetch('/', setting({ counts: { [key]: 'no number' } }))
    expect(app.errors).toMatchObject([{ code: 'undeclared_key' }, { code: 'invalid_value', key: 'counts' }])
    for (const error of app.errors) expect(String(error)).not.toMatch(CONTROL)
  })
})
