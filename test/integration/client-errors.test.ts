import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { LiveSessionError as ServerError } from 'koa-live-session'
import { type LiveSessionClient, LiveSessionError } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import { reactive } from 'vue'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { awaited } from '../support/app/awaited.js'
import { afterZeroTimers } from '../support/app/within.js'

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

/** Opens a page with an untyped `set`. */
async function open(hasSocket: boolean, keepsCookies = true) {
  const app = await App.start({ fields, routes })
  const visitor = app.visitor()
  visitor.keepsCookies = keepsCookies
  const page = await visitor.open({ path: '/', hasSocket })
  if (hasSocket) await page.connected()
  const refuse = (key: string, value: unknown): Promise<unknown> =>
    page.live.set(key as never, value as never).then(
      () => undefined,
      (error: unknown) => error,
    )
  return { page, refuse }
}

let logged: jest.SpiedFunction<typeof console.error>
beforeEach(() => {
  logged = jest.spyOn(console, 'error').mockImplementation(() => undefined)
})

describe.each([false, true])("the server's refusal (socket: %s)", (hasSocket) => {
  it.each([
    ['flor', 3, [expect.objectContaining({ code: 'undeclared_key', key: 'flor' })]],
    ['plan', 'pro', [expect.objectContaining({ code: 'not_writable', key: 'plan' })]],
    ['level', 9, []],
  ])("logs only a programmer's mistake: %s", async (key, value, expected) => {
    const { refuse } = await open(hasSocket)
    await refuse(key, value)
    expect(logged.mock.calls.flat()).toEqual(expected)
  })

  it.each<[string, (live: LiveSessionClient<typeof fields>) => void]>([
    ['set', (live) => void live.set('level', '3' as never)],
    ['setMany', (live) => void live.setMany({ level: '3' as never })],
    ['update', (live) => void live.update('level', String as never)],
    ["a field's set", (live) => live.field('level').set('3' as never)],
    ["a field's update", (live) => live.field('level').update(String as never)],
  ])('logs once a wrong type that no code awaits: %s', async (_, act) => {
    const { page } = await open(hasSocket)
    const refused = new Promise((resolve) => logged.mockImplementation(resolve))
    act(page.live as never)
    expect(await awaited('the log', refused)).toMatchObject({ code: 'invalid_value', key: 'level' })
    await page.live.flush()
    await afterZeroTimers()
    expect(logged).toHaveBeenCalledTimes(1)
  })

  it.each([
    ['level', 9, 'invalid_value', "the field's schema refuses the value"],
    ['note', 'x'.repeat(50), 'too_large', "the value exceeds the field's maxBytes or maxMembers"],
    [
      'list',
      Array.from({ length: 1001 }, () => 1),
      'too_large',
      "the value exceeds the field's maxBytes or maxMembers",
    ],
    ['plan', 'pro', 'not_writable', "expected a field with client: 'write'"],
  ])('names the key and the code: %s', async (key, value, code, reason) => {
    const { refuse } = await open(hasSocket)
    const error = await refuse(key, value)
    expect(error).toBeInstanceOf(LiveSessionError)
    const message = `koa-live-session: ${key}: ${code}: ${reason}. node_modules/koa-live-session/docs/troubleshooting.md#${code}`
    expect(error).toMatchObject({ name: 'LiveSessionError', code, key, message })
  })
})

describe('a page', () => {
  it('logs once a value that is not JSON', async () => {
    const { page } = await open(true)
    void page.live.set('due' as never, date as never)
    await afterZeroTimers()
    expect(logged.mock.calls).toEqual([[expect.objectContaining({ code: 'invalid_value', key: 'due' })]])
  })

  it("rejects a non-JSON value with the server's message", async () => {
    const { page, refuse } = await open(true)
    expect(await refuse('due', date)).toMatchObject({ message: await page.visitor.text('/set') })
  })

  it("accepts a framework's proxy of a plain value", async () => {
    const { page, refuse } = await open(true)
    expect(await refuse('due', reactive({ at: 'today' }))).toBeUndefined()
    expect(page.live.get('due' as never)).toEqual({ at: 'today' })
  })

  it('rejects with a LiveSessionError if cookies are blocked', async () => {
    const { refuse } = await open(false, false)
    const error = await refuse('level', 3)
    expect(error).toBeInstanceOf(LiveSessionError)
    expect(error).not.toBeInstanceOf(ServerError)
    expect(error).toMatchObject({
      key: 'level',
      message: expect.stringMatching(/^koa-live-session: level: cookies_blocked\b/),
    })
  })
})
