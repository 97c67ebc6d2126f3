import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { LiveSessionError as ServerError } from 'koa-live-session'
import { LiveSessionError } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app.js'

const fields = defineFields({
  level: { schema: z.number().max(5, 'expected 5 at the most'), default: 0, client: 'write' },
  note: { schema: z.string(), default: '', client: 'write', maxBytes: 60 },
  plan: { schema: z.string(), default: '' },
})

const routes: Koa.Middleware = (ctx) => {
  ctx.body = ctx.liveSession.snapshot()
}

async function open(hasSocket: boolean, keepsCookies = true) {
  const app = await App.start({ fields, routes })
  const visitor = app.visitor()
  visitor.keepsCookies = keepsCookies
  const page = await visitor.open({ path: '/', hasSocket })
  if (hasSocket) await page.connected()
  // The tests are one program, which registers no fields.
  return (key: keyof typeof fields, value: unknown) => page.live.set(key as never, value as never)
}

const refusal = (refused: Promise<unknown>): Promise<unknown> =>
  refused.then(
    () => undefined,
    (error: unknown) => error,
  )

const REFUSED = [
  ['level', 9, 'invalid_value', 'set("level"): expected 5 at the most'],
  ['note', 'x'.repeat(50), 'too_large', 'too_large: "note" needs 106 bytes of the 60 it may take'],
  ['plan', 'pro', 'not_writable', 'change 0: "plan" is not for browsers to write'],
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

  it.each(REFUSED)('in a POST, says why in the server\u2019s words: %s', async (key, value, code, says) => {
    const set = await open(false)
    const error = await refusal(set(key, value))
    expect(error).toBeInstanceOf(LiveSessionError)
    expect(error).toMatchObject({ name: 'LiveSessionError', code, key })
    expect(String(error)).toContain(`LiveSessionError: koa-live-session: ${says}`)
  })

  it.each(REFUSED)('over a socket, says which key and which code: %s', async (key, value, code, _says) => {
    const set = await open(true)
    const error = await refusal(set(key, value))
    expect(error).toBeInstanceOf(LiveSessionError)
    expect(error).toMatchObject({ code, key, message: `koa-live-session: ${key}: ${code}` })
  })
})

describe('LiveSessionError', () => {
  it('is one class on both sides', () => {
    expect(LiveSessionError).toBe(ServerError)
  })

  it('is what a page rejects with of its own, too', async () => {
    const set = await open(false, false)
    const error = await refusal(set('level', 3))
    expect(error).toBeInstanceOf(LiveSessionError)
    expect(error).toMatchObject({ key: 'level', message: 'koa-live-session: level: cookies_blocked' })
  })
})
