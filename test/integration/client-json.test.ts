import { afterEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { createLiveSession, LiveSessionError } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import { reactive } from 'vue'
import { z } from 'zod'
import { App, type AppFields } from '../support/app.js'

describe('a value that JSON does not carry, set in a page', () => {
  const fields = defineFields({
    due: { schema: z.object({ at: z.string() }), default: { at: '' }, client: 'write' },
    level: { schema: z.number(), default: 0, client: 'write' },
    note: { schema: z.string(), default: '', client: 'write' },
  })

  type Key = keyof typeof fields

  const routes: Koa.Middleware = async (ctx) => {
    if (ctx.path !== '/set') ctx.body = ctx.liveSession.snapshot()
    else ctx.body = await ctx.liveSession.set('due', { at: new Date(0) } as never).catch(({ message }) => message)
  }

  /** A page as an app sees it that has these fields: the tests are one program, which registers none. */
  async function open(hasSocket = true) {
    const app = await App.start({ fields, routes })
    const page = await app.visitor().open({ path: '/', hasSocket })
    if (hasSocket) await page.connected()
    const set = (key: Key, value: unknown): Promise<void> => page.live.set(key as never, value as never)
    const field = (key: Key) => page.live.field(key as never)
    const get = (key: Key): unknown => page.live.get(key as never)
    return { page, set, get, field }
  }

  const refusal = (refused: Promise<unknown>): Promise<unknown> =>
    refused.then(
      () => undefined,
      (error: unknown) => error,
    )

  afterEach(() => void jest.restoreAllMocks())

  const date = { at: new Date(0) }

  it.each([
    ['a Date', 'due', date, 'received a Date at $.at. Store value.toISOString() and declare a string.'],
    ['undefined', 'level', undefined, 'received undefined at $. To remove the value, use delete.'],
    ['NaN', 'level', Number.NaN, 'received NaN at $.'],
    ['a bigint', 'level', 1n, 'received a bigint at $. Store String(value) and declare a string.'],
    ['a function', 'note', () => 1, 'received a function at $.'],
  ] as const)('is refused as on the server: %s', async (_, key, value, says) => {
    jest.spyOn(console, 'error').mockImplementation(() => undefined)
    const { set } = await open()
    const error = await refusal(set(key, value))
    expect(error).toBeInstanceOf(LiveSessionError)
    expect(error).toMatchObject({
      name: 'LiveSessionError',
      code: 'invalid_value',
      key,
      message: `koa-live-session: set("${key}"): expected a JSON value, ${says}`,
    })
  })

  it('is refused with the very message of the server', async () => {
    jest.spyOn(console, 'error').mockImplementation(() => undefined)
    const { page, set } = await open()
    expect(await refusal(set('due', date))).toMatchObject({ message: await page.visitor.text('/set') })
  })

  it('is not what a framework wraps a plain value into', async () => {
    const { set, get } = await open()
    await set('due', reactive({ at: 'today' }))
    expect(get('due')).toEqual({ at: 'today' })
  })
})

describe('a client in a Web Worker, which has an origin and no document', () => {
  const { fetch } = globalThis

  afterEach(() => {
    Object.assign(globalThis, { fetch })
    for (const name of ['origin', 'location']) Reflect.deleteProperty(globalThis, name)
  })

  it('brings values, and saves what it sets', async () => {
    const app = await App.start({
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const visitor = app.visitor()
    Object.assign(globalThis, {
      origin: app.url,
      location: new URL('/worker.js', app.url),
      fetch: (path: string, init: RequestInit) =>
        path === '/store_session' ? visitor.store(String(init.body)) : fetch(path, init),
    })
    const live = createLiveSession<AppFields>()
    await live.ready
    expect(live.get('division')).toBe(-1)
    await live.set('division', 3)
    live.close()
    expect(await visitor.text('/')).toBe('3')
  })
})
