import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { auth, identify } from '../support/app/auth.js'

const unhandled: unknown[] = []
const note = (error: unknown): number => unhandled.push(error)
beforeEach(() => void process.on('unhandledRejection', note))
afterEach(() => {
  process.off('unhandledRejection', note)
  expect(unhandled.splice(0)).toEqual([])
})

/** Waits until Node has reported unhandled rejections. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
const failing = (): Promise<never> => Promise.reject(new Error('the database is away'))
const thenable = {
  // biome-ignore lint/suspicious/noThenProperty: it tests a thenable
  then: (_: unknown, reject: (error: Error) => void) => reject(new Error('the database is away')),
}
const EXPECTED = 'expected a value, received a promise'

const acts: readonly (readonly [string, (session: Koa.Context['liveSession']) => unknown])[] = [
  ['update("cart")', (session) => session.update('cart', failing as never)],
  ['set("cart")', (session) => session.set('cart', failing() as never)],
  ['setMany("cart")', (session) => session.setMany({ division: 1, cart: failing() as never })],
  ['update("cart")', (session) => session.update('cart', () => thenable as never)],
  ['update("secret")', (session) => session.update('secret', failing as never)],
]

describe('threat 52: a promise in place of a value', () => {
  it.each(acts)('makes %s reject with a TypeError', async (call, act) => {
    const caught: unknown[] = []
    const app = await App.start({
      routes: async (ctx) => {
        await Promise.resolve(act(ctx.liveSession)).catch((error: unknown) => caught.push(error))
        ctx.body = [ctx.liveSession.get('cart'), ctx.liveSession.get('division')]
      },
    })
    expect(await (await app.visitor().fetch('/')).json()).toEqual([[], -1])
    await settle()
    expect(caught).toEqual([expect.any(TypeError)])
    expect(String(caught[0])).toContain(`${call}: ${EXPECTED}`)
    expect(String(caught[0])).toContain('Await it first')
  })

  it('is reported to onError if the app does not await', async () => {
    const app = await App.start({
      routes: (ctx) => {
        void ctx.liveSession.update('cart', failing as never)
        ctx.body = ''
      },
    })
    await app.visitor().fetch('/')
    await settle()
    expect(app.errors).toEqual([expect.any(TypeError)])
  })
})

describe('threat 52: a rule that returns a promise', () => {
  it('in onLogin is reported to onError; the account keeps its value', async () => {
    const fields = defineFields({
      cart: { schema: z.array(z.string()), default: [], client: 'write', onLogin: (() => failing()) as never },
    })
    const app = await App.start<typeof fields>({
      fields,
      before: (koa) => [auth(koa)],
      options: { identify } as never,
      routes: async (ctx) => {
        if (ctx.path === '/set') await ctx.liveSession.set('cart', ['a'])
        if (ctx.path === '/login') ctx['session'].user = 'ann'
        if (ctx.path === '/login') await ctx.liveSession.identify()
        ctx.body = ctx.liveSession.get('cart')
      },
    })
    const visitor = app.visitor()
    await visitor.fetch('/set')
    expect(await (await visitor.fetch('/login')).json()).toEqual([])
    await settle()
    expect(app.errors).toEqual([expect.any(TypeError)])
    expect(String(app.errors[0])).toContain(`fields.cart.onLogin: ${EXPECTED}`)
  })

  it('in migrate is reported to onError once; the default stays', async () => {
    const migrate = (() => failing()) as never
    const old = defineFields({ cart: { schema: z.string(), default: '', client: 'write' } })
    const young = defineFields({ cart: { schema: z.array(z.string()), default: ['new'], client: 'write', migrate } })
    const first = await App.start<typeof old>({
      fields: old,
      routes: async (ctx) => {
        ctx.body = await ctx.liveSession.set('cart', 'a')
      },
    })
    const visitor = first.visitor()
    await visitor.fetch('/')
    const { port } = first
    await first.stop()
    const app = await App.start<typeof young>({
      fields: young,
      port,
      routes: (ctx) => {
        ctx.body = ctx.liveSession.get('cart')
      },
    })
    expect(await (await visitor.fetch('/')).json()).toEqual(['new'])
    expect(await (await visitor.fetch('/')).json()).toEqual(['new'])
    await settle()
    expect(app.errors).toEqual([expect.any(TypeError)])
    expect(String(app.errors[0])).toContain(`fields.cart.migrate: ${EXPECTED}`)
  })

  it.each(['onLogin', 'migrate'])('fails at start in an async %s', (option) => {
    const spec = { schema: z.number(), default: 1, client: 'write', [option]: async () => 1 }
    expect(() => defineFields({ cart: spec } as never)).toThrow(
      `koa-live-session: fields.cart.${option}: expected a function that answers at once, received an async function`,
    )
  })
})
