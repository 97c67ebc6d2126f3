import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import type { WireChange } from '../../shared/protocol.js'
import { App } from '../support/app.js'
import { readCookie } from '../support/signed-cookie.js'

// Each default is another value, so that no default is taken for the value itself.
const fields = defineFields({
  count: { schema: z.number(), default: 7, client: 'write' },
  label: { schema: z.string(), default: 'none', client: 'write' },
  isOpen: { schema: z.boolean(), default: true, client: 'write' },
  choice: { schema: z.string().nullable(), default: 'any', client: 'write' },
  list: { schema: z.array(z.number()), default: [1], client: 'write' },
})
type FalsyFields = typeof fields

const FALSY = { count: 0, label: '', isOpen: false, choice: null, list: [] }
const TRUTHY = { count: 1, label: 'x', isOpen: true, choice: 'x', list: [1] }
const KEYS = ['count', 'label', 'isOpen', 'choice', 'list'] as const

const route: Koa.Middleware = async (ctx) => {
  if (ctx.path === '/set') await ctx.liveSession.setMany(FALSY)
  ctx.body = Object.fromEntries(KEYS.map((key) => [key, [ctx.liveSession.get(key), ctx.liveSession.has(key)]]))
}
const known = Object.fromEntries(Object.entries(FALSY).map(([key, value]) => [key, [value, true]]))
const changesOf = (values: object): WireChange[] =>
  Object.entries(values).map(([key, value]): WireChange => [key, -1, '', value])
const valuesOf = (changes: readonly (readonly unknown[])[]): object => {
  return Object.fromEntries(changes.map(([key, , value]) => [key, value]))
}

describe('falsy values', () => {
  it('survive request, cookie, restart, socket, ticket, restart, POST and cookie', async () => {
    const first = await App.start<FalsyFields>({ fields, routes: route })
    const visitor = first.visitor()
    expect(await (await visitor.fetch('/set')).json()).toEqual(known)
    await first.stop({ isCrash: true })

    const second = await App.start<FalsyFields>({ fields, routes: route, clock: first.clock })
    const returning = second.visitor(visitor.cookie)
    expect(await (await returning.fetch('/')).json()).toEqual(known)
    const socket = await returning.connect()
    const { claims } = await socket.ticket()
    expect(valuesOf(claims.changes)).toEqual(FALSY)
    await socket.set(...changesOf(TRUTHY))
    await socket.ticket()
    await socket.set(...changesOf(FALSY))
    const { text, claims: again } = await socket.ticket()
    expect(valuesOf(again.changes)).toEqual(FALSY)
    await second.stop({ isCrash: true })

    const third = await App.start<FalsyFields>({ fields, routes: route, clock: first.clock })
    const page = third.visitor(visitor.cookie)
    expect((await page.store({ tickets: [text] })).status).toBe(200)
    expect(valuesOf(readCookie(page.cookie)['r'] as unknown[][])).toEqual(FALSY)
    expect(await (await page.fetch('/')).json()).toEqual(known)
  })

  it('are not deleted, and what is deleted is none of them', async () => {
    const app = await App.start<FalsyFields>({ fields, routes: route })
    const visitor = app.visitor()
    await visitor.fetch('/set')
    await visitor.store({ set: KEYS.map((key) => [key, -1, '']) })
    expect(await (await visitor.fetch('/')).json()).toEqual({
      count: [7, false],
      label: ['none', false],
      isOpen: [true, false],
      choice: ['any', false],
      list: [[1], false],
    })
  })
})
