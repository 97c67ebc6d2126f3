import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { LiveSessionError as ServerError } from 'koa-live-session'
import { LiveSessionError } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import { reactive } from 'vue'
import { z } from 'zod'
import { App } from '../support/app/app.js'

const fields = defineFields({
  level: { schema: z.number().max(5, 'expected 5 at the most'), default: 0, client: 'write' },
  note: { schema: z.string(), default: '', client: 'write', maxBytes: 60 },
  list: { schema: z.array(z.number()), default: [], client: 'write', cookie: false },
  plan: { schema: z.string(), default: '' },
  due: { schema: z.object({ at: z.string() }), default: { at: '' }, client: 'write' },
})

const date = { at: new Date(0) }

const routes: Koa.Middleware = async (ctx) => {
  if (ctx.path !== '/set') ctx.body = ctx.liveSession.snapshot()
  else ctx.body = await ctx.liveSession.set('due', date as never).catch(({ message }) => message)
}

async function openPage(hasSocket: boolean, keepsCookies = true) {
  const app = await App.start({ fields, routes })
  const visitor = app.visitor()
  visitor.keepsCookies = keepsCookies
  const page = await visitor.open({ path: '/', hasSocket })
  if (hasSocket) await page.connected()
  return page
}

/** Returns the page's `set` as an app has it that registers these fields. */
async function open(hasSocket: boolean, keepsCookies = true) {
  const page = await openPage(hasSocket, keepsCookies)
  return (key: keyof typeof fields, value: unknown) => page.live.set(key as never, value as never)
}

const refusal = (refused: Promise<unknown>): Promise<unknown> =>
  refused.then(
    () => undefined,
    (error: unknown) => error,
  )

const REFUSED = [
  ['level', 9, 'invalid_value', "the field's schema refuses the value"],
  ['note', 'x'.repeat(50), 'too_large', 'over the maxBytes or the maxMembers of the field'],
  ['list', Array.from({ length: 1001 }, () => 1), 'too_large', 'over the maxBytes or the maxMembers of the field'],
  ['plan', 'pro', 'not_writable', "expected a field with client: 'write'"],
] as const

let logged: jest.SpiedFunction<typeof console.error>
beforeEach(() => {
  logged = jest.spyOn(console, 'error').mockImplementation(() => undefined)
})

describe('what the server refuses', () => {
  it.each([
    ['flor', 3, [expect.objectContaining({ code: 'undeclared_key', key: 'flor' })]],
    ['plan', 'pro', [expect.objectContaining({ code: 'not_writable', key: 'plan' })]],
    ['level', 9, []],
  ])('is written to the console where only a program can cause it, awaited or not: %s', async (key, value, told) => {
    for (const hasSocket of [false, true]) {
      logged.mockClear()
      const set = await open(hasSocket)
      await refusal(set(key as never, value))
      expect(logged.mock.calls.flat()).toEqual(told)
    }
  })

  it.each(REFUSED)(
    'says which key, which code and what that means, by a POST and over a socket: %s',
    async (...row) => {
      const [key, value, code, reason] = row
      for (const hasSocket of [false, true]) {
        const set = await open(hasSocket)
        const error = await refusal(set(key, value))
        expect(error).toBeInstanceOf(LiveSessionError)
        const message = `koa-live-session: ${key}: ${code}: ${reason}. node_modules/koa-live-session/docs/troubleshooting.md#${code}`
        expect(error).toMatchObject({ name: 'LiveSessionError', code, key, message })
      }
    },
  )
})

describe('a value that JSON does not carry, set in a page', () => {
  it('is refused with the very message of the server', async () => {
    const page = await openPage(true)
    expect(await refusal(page.live.set('due' as never, date as never))).toMatchObject({
      message: await page.visitor.text('/set'),
    })
  })

  it('is not what a framework wraps a plain value into', async () => {
    const page = await openPage(true)
    await page.live.set('due' as never, reactive({ at: 'today' }) as never)
    expect(page.live.get('due' as never)).toEqual({ at: 'today' })
  })
})

describe('LiveSessionError', () => {
  it('has one name on both sides', () => {
    expect(LiveSessionError.name).toBe(ServerError.name)
  })

  it('is what a page rejects with of its own, too', async () => {
    const set = await open(false, false)
    const error = await refusal(set('level', 3))
    expect(error).toBeInstanceOf(LiveSessionError)
    expect(error).toMatchObject({
      key: 'level',
      message: expect.stringMatching(/^koa-live-session: level: cookies_blocked\b/),
    })
  })
})
