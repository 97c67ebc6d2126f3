import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { present } from '../support/app/present.js'
import type { Visitor } from '../support/app/visitor.js'
import type { Page } from '../support/page/page.js'

afterEach(() => void jest.restoreAllMocks())

const routes = (ctx: { body: unknown; liveSession: { snapshot(): unknown } }): void => {
  ctx.body = ctx.liveSession.snapshot()
}

const start = (): Promise<App> => App.start({ routes: routes as never })

const add =
  (item: string) =>
  (cart: readonly string[]): string[] => [...cart, item]

/** Tabs of one browser, each with a socket or without. */
async function tabs(visitor: Visitor, ...sockets: readonly boolean[]): Promise<Page[]> {
  await visitor.store()
  const pages: Page[] = []
  for (const hasSocket of sockets) {
    const page = await visitor.open({ path: '/', hasSocket })
    if (hasSocket) await page.connected()
    pages.push(page)
  }
  return pages
}

async function cartOf(visitor: Visitor): Promise<readonly string[]> {
  return (await (await visitor.fetch('/')).json()).values.cart
}

describe('tabs that add to one cart at the same moment', () => {
  it.each([
    ['over sockets', [true, true, true]],
    ['by POSTs', [false, false, false]],
    ['over a socket and by POST', [true, false]],
  ])('keep all items, each once, %s', async (_, sockets) => {
    const app = await start()
    const visitor = app.visitor()
    const pages = await tabs(visitor, ...sockets)
    const names = pages.flatMap((_, page) => ['a', 'b', 'c'].map((name) => name + page))
    const saved = pages.flatMap(({ live }, page) =>
      ['a', 'b', 'c'].map((name) => live.update('cart', add(name + page))),
    )
    expect(pages.map(({ live }) => live.get('cart').length)).toEqual(pages.map(() => 3))
    await Promise.all(saved)
    expect([...(await cartOf(visitor))].sort()).toEqual([...names].sort())
  })
})

describe('tabs that add to one cart while the server is away', () => {
  it.each([
    ['without a store', undefined],
    ['with a store', memoryStore()],
  ])('keep all items, %s', async (_, store) => {
    const options = (store ? { store } : {}) as never
    const app = await App.start({ routes: routes as never, options })
    const visitor = app.visitor()
    const pages = await tabs(visitor, true, true)
    const { port, clock } = app
    await present(pages[0]).live.update('cart', add('before'))
    const away = Promise.all(
      pages.map(({ socket }) => new Promise<void>((resolve) => present(socket).once('disconnect', () => resolve()))),
    )
    await app.stop({ isCrash: true })
    await away
    const saved = pages.map(({ live }, page) => live.update('cart', add(`of ${page}`)))
    await Promise.all(pages.map((page) => page.reaches('cart', 'offline')))
    await App.start({ routes: routes as never, options, port, clock })
    await Promise.all(saved)
    expect([...(await cartOf(visitor))].sort()).toEqual(['before', 'of 0', 'of 1'])
  })
})

describe('what computes a value', () => {
  it('changes nothing itself: what it sets is refused, which its promise and the console are told', async () => {
    const logged = jest.spyOn(console, 'error').mockImplementation(() => undefined)
    const app = await start()
    const [page] = await tabs(app.visitor(), true)
    let set: Promise<void> | undefined
    await present(page).live.update('cart', (cart) => {
      set = present(page).live.set('division', 5)
      return [...cart, 'a']
    })
    await expect(set).rejects.toThrow('what computes a value must change nothing')
    expect([page?.live.get('cart'), page?.live.get('division'), logged.mock.calls.length]).toEqual([['a'], -1, 1])
  })

  it('is a TypeError before the first values', async () => {
    jest.spyOn(console, 'error').mockImplementation(() => undefined)
    const app = await start()
    const { live } = await app.visitor().open()
    await expect(live.update('cart', add('a'))).rejects.toThrow('update("cart") before the first values')
    await live.ready
    await live.update('cart', add('a'))
    expect(live.get('cart')).toEqual(['a'])
  })

  it('gets what this build reads where it is stored in another form', async () => {
    const build = (schema: z.ZodType, migrate?: (stored: unknown) => unknown) => {
      const cart = { schema, default: [], client: 'write' as const, ...(migrate && { migrate }) }
      return defineFields({ cart: cart as never })
    }
    const old = await App.start({ fields: build(z.string().or(z.array(z.string()))), routes: routes as never })
    const cookie = cookieFor(old.live, { values: { cart: 'a' } } as never)
    const migrate = (stored: unknown): unknown => [stored]
    const app = await App.start({ fields: build(z.array(z.string()), migrate), routes: routes as never, port: 0 })
    const visitor = app.visitor(cookie)
    const [page] = await tabs(visitor, true)
    expect(page?.live.get('cart')).toEqual(['a'])
    await present(page).live.update('cart', add('b'))
    expect(await cartOf(visitor)).toEqual(['a', 'b'])
  })
})
