import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import type { Page } from 'puppeteer-core'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { describeInBrowser, openBrowser, type Person } from '../support/page/browser.js'
import { click, is, isAt, textOf } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

const fields = defineFields({
  cart: { schema: z.array(z.string()), default: [], client: 'write' },
  theme: { schema: z.string(), default: 'light', client: 'write', scope: 'browser' },
  step: { schema: z.number(), default: 1, client: 'write', scope: 'tab' },
  division: { schema: z.string(), default: '', client: 'write' },
  a: { schema: z.boolean(), default: false, client: 'write' },
  b: { schema: z.boolean(), default: false, client: 'write' },
  c: { schema: z.boolean(), default: false, client: 'write' },
})

const SCRIPT = pageScript(`
  import { createLiveSession, keepTab } from 'koa-live-session/client'
  import { io } from 'socket.io-client'
  const socket = location.search.includes('no-socket') ? undefined : io({ transports: ['websocket'] })
  const live = createLiveSession({ socket })
  keepTab(live)
  const visitors = []
  const outcomes = []
  live.onVisitor((visitor) => visitors.push(visitor))
  const shown = () => [...['cart', 'theme', 'step'].map((key) => live.get(key)), live.status().status, visitors.length]
  const keep = (saved) => saved.then(() => outcomes.push('saved'), ({ code }) => outcomes.push(code))
  Object.assign(window, { live, shown, outcomes })
  const { tab } = document.documentElement.dataset
  if (tab) {
    keep(live.set(tab, true))
    // On a machine so busy that an answer is lost, another tab's later value supersedes this one.
    live.set('division', tab).catch(() => undefined)
    keep(live.update('cart', (cart) => [...cart, tab]))
  }`)

type Shop = App<typeof fields>
type Hold = (ctx: Koa.Context) => Promise<void>

/** Starts `shop.localhost`, and another site at every other host, with a form and a link to a path of the shop. */
async function start(options: object = {}, hold: Hold = async () => undefined): Promise<Shop> {
  const routes: Koa.Middleware = async (ctx) => {
    ctx.type = 'html'
    const shop = `http://shop.localhost:${ctx.host.split(':')[1]}${ctx.path}${ctx.search}`
    if (ctx.hostname !== 'shop.localhost') {
      ctx.body = `<!doctype html><form method="post" action="${shop}"><button>back</button></form><a href="${shop}">back</a>
        <iframe name="hidden" hidden></iframe><form method="post" target="hidden" action="${shop}"><input type="submit"></form>`
      return
    }
    await hold(ctx)
    if (ctx.path === '/page.js') {
      ctx.type = 'js'
      ctx.body = SCRIPT
      return
    }
    if (ctx.path === '/callback') {
      ctx.state['user'] = 'ann'
      ctx.cookies.set('user', 'ann', 'strict' in ctx.query ? { sameSite: 'strict' } : {})
      await ctx.liveSession.identify()
      ctx.status = 303
      return ctx.redirect('/')
    }
    const { values } = ctx.liveSession.snapshot()
    const shown = JSON.stringify([values['cart'], values['theme'], ctx.liveSession.userId ?? 'guest'])
    ctx.body = `<!doctype html><html data-tab="${ctx.query['tab'] ?? ''}"><output>${shown}</output>
      ${ctx.liveSession.embed()}<script type="module" src="/page.js?${ctx.query['tab'] ?? ''}"></script>`
  }
  const identify = (ctx: Koa.Context): unknown => ctx.state['user'] ?? ctx.cookies.get('user')
  return App.start<typeof fields>({
    fields,
    routes,
    attach: { handshake: [] },
    options: { identify, ...options } as never,
  })
}

const at = ({ port }: Shop, host: string, path = '/'): string => `http://${host}.localhost:${port}${path}`

const html = async (page: Page): Promise<unknown> => JSON.parse(await textOf(page, 'output'))

const FULL = [['milk', 'tea'], 'dark', 2, 'saved', 0]

/** Opens a tab of a guest who has chosen values. */
async function shopping(person: Person, shop: Shop, search = ''): Promise<Page> {
  const page = await person.open(at(shop, 'shop', `/${search}`))
  await page.evaluate(
    `Promise.all([live.set('cart', ['milk', 'tea']), live.set('theme', 'dark'), live.set('step', 2)])`,
  )
  await is(page, 'shown()', FULL)
  return page
}

describeInBrowser('a page opened without the live cookie', () => {
  it.each([
    ['by a form', 'button', {}, ''],
    ['by a form, without a socket', 'button', {}, '?no-socket'],
    ['strict, by a form', 'button', { sameSite: 'strict' }, ''],
    ['strict, by a link', 'a', { sameSite: 'strict' }, ''],
    ['strict, by a link, without a socket', 'a', { sameSite: 'strict' }, '?no-socket'],
  ])('renders defaults, then shows the visitor’s values: %s', async (_, selector, options, search) => {
    const shop = await start(options)
    const person = await openBrowser()
    const other = await shopping(person, shop)
    const page = await shopping(person, shop, search)
    const cookie = await person.cookie('live')
    await page.goto(at(shop, 'bank', `/paid${search}`))
    await click(page, selector)
    await isAt(page, at(shop, 'shop', `/paid${search}`))
    expect(await html(page)).toEqual([[], 'light', 'guest'])
    await is(page, 'shown()', FULL)
    await is(other, 'shown()', FULL)
    expect(await person.cookie('live')).toBe(cookie)
    await page.goto(at(shop, 'shop'))
    expect(await html(page)).toEqual([['milk', 'tea'], 'dark', 'guest'])
    expect(shop.errors).toEqual([])
  })

  it.each([
    ['with a socket', ''],
    ['without a socket', '?no-socket'],
  ])('by a link keeps a user whose session is stricter: %s', async (_, search) => {
    const shop = await start()
    const person = await openBrowser()
    await person.open(at(shop, 'shop', '/callback?strict'))
    const other = await shopping(person, shop)
    const cookie = await person.cookie('live')
    const page = await person.open(at(shop, 'bank', `/paid${search}`))
    await click(page, 'a')
    await isAt(page, at(shop, 'shop', `/paid${search}`))
    expect(await html(page)).toEqual([[], 'light', 'guest'])
    await is(page, 'shown()', [['milk', 'tea'], 'dark', 1, 'saved', 0])
    await is(other, 'shown()', FULL)
    expect(await person.cookie('live')).toBe(cookie)
    expect(shop.errors).toEqual([])
  })

  it('moves the cart at a cross-site sign-in', async () => {
    const shop = await start()
    const person = await openBrowser()
    const page = await shopping(person, shop)
    await page.goto(at(shop, 'apple', '/callback'))
    await click(page, 'button')
    await isAt(page, at(shop, 'shop'))
    expect(await html(page)).toEqual([['milk', 'tea'], 'dark', 'ann'])
  })

  it('changes nothing in a hidden frame', async () => {
    const shop = await start()
    const person = await openBrowser()
    const page = await shopping(person, shop)
    const cookie = await person.cookie('live')
    const evil = await person.open(at(shop, 'evil', '/paid'))
    await click(evil, 'input')
    const frame = await evil.waitForFrame(at(shop, 'shop', '/paid'))
    await frame.waitForSelector('output')
    expect(await person.cookie('live')).toBe(cookie)
    await is(page, 'shown()', FULL)
  })
})

describeInBrowser('three tabs of a first visit', () => {
  it.each([
    ['with sockets', ''],
    ['without sockets', '&no-socket'],
  ])('keep the changes of all three: %s', async (_, search) => {
    const waiting = new Map<string, (() => void)[]>()
    // Each response has another browser id; no script runs before the browser has all three responses.
    const together: Hold = async ({ path }) => {
      const here = waiting.get(path) ?? []
      waiting.set(path, here)
      if (here.length === 2) for (const goOn of here.splice(0)) goOn()
      else await new Promise<void>((resolve) => here.push(resolve))
    }
    let isFirst = true
    const shop = await start({}, async (ctx) => (isFirst ? together(ctx) : undefined))
    const person = await openBrowser()
    const pages = await Promise.all(
      ['a', 'b', 'c'].map((tab) => person.open(at(shop, 'shop', `/?tab=${tab}${search}`))),
    )
    isFirst = false
    for (const page of pages) await is(page, 'outcomes', ['saved', 'saved'])
    const last = await person.open(at(shop, 'shop'))
    const kept =
      "[live.get('a'), live.get('b'), live.get('c'), live.get('division') !== '', [...live.get('cart')].sort()]"
    await is(last, kept, [true, true, true, true, ['a', 'b', 'c']])
  })
})
