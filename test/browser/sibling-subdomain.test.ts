import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import { browserId } from '../support/app/browser-id.js'
import { readCookie } from '../support/app/signed-cookie.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { textOf } from '../support/page/on-page.js'

const PLANTED = browserId('planted-by-an-attacker')

/** Starts `shop.site.localhost`, and `evil.site.localhost`, which plants cookies for the path of the cart. */
async function startPlanting(plants: (app: App) => readonly string[]) {
  const routes: Koa.Middleware = async (ctx) => {
    const { liveSession, query } = ctx
    if (ctx.hostname.startsWith('evil.')) {
      const pairs = plants(app).flatMap((pair) => pair.split('; '))
      // A browser keeps a single cookie for each name, domain and path.
      const lines = pairs.map((pair, index) => `${pair}; Domain=site.localhost; Path=/cart${'/'.repeat(index / 2)}`)
      ctx.set('Set-Cookie', lines)
      ctx.body = 'evil'
      return
    }
    if (query['set'] !== undefined) await liveSession.set('division', Number(query['set']))
    ctx.body = `${liveSession.get('division')} of ${ctx.get('Cookie')}`
  }
  const app = await App.start({ routes })
  const page = await (await openBrowser()).newPage()
  /** Returns the page's division, and the request's cookies. */
  const go = async (host: string, path = '/') => {
    await page.goto(`http://${host}.site.localhost:${app.port}${path}`)
    const [division = '', cookie = ''] = (await textOf(page, 'body')).split(' of ')
    return { division, cookie }
  }
  return { app, go }
}

const goodOf = (app: App): string => cookieFor(app.live, { browserId: PLANTED, values: { division: 66 } })

describeInBrowser('threat 59: a sibling subdomain', () => {
  it('cannot hide the cookie with invalid pairs on longer paths', async () => {
    const bad = Array.from({ length: 20 }, (_, index) => {
      return `live=${`${index}`.padEnd(90, 'A')}; live.sig=${`${index}`.padEnd(43, 'B')}`
    })
    const { go } = await startPlanting(() => bad)
    await go('shop', '/?set=5')
    await go('evil')
    const { division, cookie } = await go('shop', `/cart${'/'.repeat(20)}`)
    expect([division, cookie.match(/live=/g)?.length]).toEqual(['5', 21])
  })

  it('cannot read or write values with a valid pair', async () => {
    const { app, go } = await startPlanting((app) => [goodOf(app)])
    await go('shop', '/?set=5')
    const own = (await go('shop')).cookie
    await go('evil')
    const first = await go('shop', '/cart')
    expect(first.cookie).toBe(`${goodOf(app)}; ${own}`)
    expect(first.division).toBe('-1')
    expect((await go('shop', '/cart?set=7')).division).toBe('7')
    const after = await go('shop', '/cart')
    expect(after.division).toBe('7')
    const now = await go('shop')
    expect(now.division).toBe('7')
    expect([PLANTED, readCookie(own)['browser']]).not.toContain(readCookie(now.cookie)['browser'])
    const attacker = app.visitor(goodOf(app))
    expect(await attacker.text('/')).toMatch(/^-1 /)
  })
})

describeInBrowser('threat 127: a sibling subdomain with countless cookies', () => {
  it('can push the cookie out, and a guest loses the values', async () => {
    const many = Array.from({ length: 400 }, (_, index) => `filler${index}=1`)
    const { go } = await startPlanting(() => many)
    await go('shop', '/?set=5')
    expect((await go('shop')).division).toBe('5')
    await go('evil')
    const { division, cookie } = await go('shop')
    expect([Number.parseInt(division, 10), /live=/.test(cookie)]).toEqual([-1, false])
  })
})

/** A request for the messages of `shop.site.localhost`, and its Sec-Fetch-Dest. */
interface Taken {
  readonly by: string
  readonly messages: readonly unknown[]
}

/**
 * Starts `shop.site.localhost`, which flashes and shows a message, and `evil.site.localhost`, whose page requests it
 * unseen.
 */
async function startShowing() {
  const taken: Taken[] = []
  const routes: Koa.Middleware = async (ctx) => {
    if (ctx.hostname.startsWith('evil.')) {
      ctx.type = 'html'
      ctx.body = `<iframe src="http://shop.site.localhost:${app.port}/show" hidden></iframe>
        <script>fetch('http://shop.site.localhost:${app.port}/show', { mode: 'no-cors', credentials: 'include' })</script>`
    } else if (ctx.path === '/say') {
      await ctx.liveSession.flash('saved')
      ctx.body = 'said'
    } else if (ctx.path === '/show') {
      const messages = await ctx.liveSession.takeFlash()
      taken.push({ by: ctx.get('Sec-Fetch-Dest'), messages })
      ctx.body = JSON.stringify(messages)
    } else ctx.status = 404
  }
  const app = await App.start({ routes })
  const page = await (await openBrowser()).newPage()
  const url = (host: string, path: string): string => `http://${host}.site.localhost:${app.port}${path}`
  return { page, taken, url }
}

/** Puppeteer's types of a hidden frame's request and of a fetch. */
const TYPES: readonly string[] = ['document', 'fetch']

describeInBrowser('threat 66: a sibling subdomain', () => {
  it('cannot take a message by hidden frame or fetch', async () => {
    const { page, taken, url } = await startShowing()
    await page.goto(url('shop', '/say'))
    const unseen = TYPES.map((type) => {
      return page.waitForResponse((response) => {
        return response.request().resourceType() === type && response.url() === url('shop', '/show')
      })
    })
    await page.goto(url('evil', '/'))
    await Promise.all(unseen)
    expect(taken.toSorted((one, other) => one.by.localeCompare(other.by))).toEqual([
      { by: 'empty', messages: [] },
      { by: 'iframe', messages: [] },
    ])
    await page.goto(url('shop', '/show'))
    expect(taken.at(-1)).toEqual({ by: 'document', messages: ['saved'] })
  })
})
