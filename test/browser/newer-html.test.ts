import { beforeAll, beforeEach, it } from '@jest/globals'
import type { Page } from 'puppeteer-core'
import { App } from '../support/app/app.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { is } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

/** `swap` replaces the body by the answer to a request, as Turbo and htmx do. */
const SCRIPT = `
  import { createLiveSession } from 'koa-live-session/client'
  window.make = () => {
    window.live = createLiveSession()
    window.heard = []
    live.subscribe('division', (division) => heard.push(division))
  }
  window.swap = async (method, path) => {
    const answer = await fetch(path, { method })
    document.body.innerHTML = await answer.text()
  }
  make()
  window.isSaved = () => live.status().status === 'saved'`

describeInBrowser('a page without a socket, after newer HTML in its document', () => {
  let script = ''
  let page: Page
  beforeAll(() => {
    script = pageScript(SCRIPT)
  })
  beforeEach(async () => {
    const app = await App.start({
      options: { identify: ({ cookies }) => cookies.get('user') },
      routes: async (ctx) => {
        if (ctx.path === '/page.js') {
          ctx.type = 'js'
          ctx.body = script
          return
        }
        if (ctx.path === '/sign-in') {
          ctx.cookies.set('user', 'ann')
          await ctx.liveSession.identify()
        }
        if (ctx.method === 'POST') {
          await ctx.liveSession.set('division', 5)
          await ctx.liveSession.set('cart', ['tea'])
        }
        ctx.body = `<!doctype html><body>${ctx.liveSession.embed()}</body><script type="module" src="/page.js"></script>`
      },
    })
    page = await (await openBrowser()).open(app.url)
    await page.evaluate("live.set('division', 1)")
  })

  it('shows the values of the newer HTML', async () => {
    await page.evaluate("swap('POST', '/')")
    await is(page, '[heard.at(-1), live.get("cart")]', [5, ['tea']])
    await page.evaluate("live.set('cart', [...live.get('cart'), 'milk'])")
    await page.reload()
    await is(page, '[live.get("division"), live.get("cart")]', [5, ['tea', 'milk']])
  })

  it('keeps its newer values when an older copy returns', async () => {
    await page.evaluate("window.copy = document.querySelector('#live-session').outerHTML; live.set('division', 2)")
    await page.evaluate("swap('GET', '/')")
    await page.evaluate("live.set('division', 3)")
    await page.evaluate('document.body.innerHTML = copy')
    await page.evaluate('live.close(); make()')
    await is(page, '[heard, isSaved()]', [[3], true])
  })

  it('goes on with the values of a closed client', async () => {
    await page.evaluate("live.set('cart', ['tea'])")
    await page.evaluate('live.close(); make()')
    await is(page, 'heard', [1])
    await page.evaluate("live.set('cart', [...live.get('cart'), 'milk'])")
    await page.reload()
    await is(page, '[live.get("division"), live.get("cart")]', [1, ['tea', 'milk']])
  })

  it('goes on with the values of an open client', async () => {
    await page.evaluate('window.first = live; make()')
    await is(page, 'heard', [1])
    await page.evaluate("Promise.all([first, live].map((one, i) => one.update('cart', (cart) => [...cart, i + ''])))")
    await is(page, 'first.get("cart").length + live.get("cart").length', 4)
  })

  it('asks for the visitor if the HTML is of another, and mixes no values', async () => {
    await page.evaluate("live.set('cart', ['of the guest'])")
    await page.evaluate("window.visitors = []; live.onVisitor(({ id }) => visitors.push(id)); swap('POST', '/sign-in')")
    await is(page, '[visitors, live.get("division")]', [['ann'], 5])
  })
})
