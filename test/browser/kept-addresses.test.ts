import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import type { Page } from 'puppeteer-core'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { intercept } from '../support/page/intercept.js'
import * as onPage from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write', url: 'd' } })

const PAGE = `<!doctype html><output></output><script type="module">
  import { createLiveSession, followAddress } from '/client.js'
  window.live = createLiveSession()
  followAddress(live)
  live.subscribe('division', (division) => { document.querySelector('output').value = division })
</script>`
const SCRIPTS: Readonly<Record<string, string>> = {
  '/client.js': pageScript("export * from 'koa-live-session/client'"),
  '/worker.js': `addEventListener('fetch', (event) => event.respondWith(fetch(event.request)))
    addEventListener('activate', (event) => event.waitUntil(clients.claim()))`,
}

/** An app whose pages have no socket: browsers keep those. */
async function start() {
  const routes: Koa.Middleware = (ctx) => {
    ctx.type = ctx.path.endsWith('.js') ? 'js' : 'html'
    if (ctx.path === '/empty') ctx.body = 'none of our pages'
    else ctx.body = SCRIPTS[ctx.path] ?? `${ctx.liveSession.embed()}${PAGE}`
  }
  const app = await App.start({ fields, routes, isAttached: false })
  const person = await openBrowser()
  const open = (path: string): Promise<Page> => person.open(app.url + path)
  return { app, open }
}

async function shows(page: Page, division: number, search = `?d=${division}`): Promise<void> {
  await onPage.shows(page, 'output', new RegExp(`^${division}$`))
  await onPage.is(page, 'location.search', search)
}

const choose = (page: Page, division: number): Promise<unknown> => page.evaluate(`live.set('division', ${division})`)

describeInBrowser('the address of a page', () => {
  it('that was fetched ahead is set once the visitor goes there', async () => {
    const { app, open } = await start()
    const page = await open('/')
    await choose(page, 7)
    await page.evaluate('live.flush()')
    // What a browser has fetched ahead is the very answer that it shows.
    await intercept(page, /\/ahead\?/, (request) => {
      return request.continue({ headers: { ...request.headers(), purpose: 'prefetch' } })
    })
    const answer = await page.goto(`${app.url}/ahead?d=3`)
    expect(await answer?.text()).toContain('"values":{"division":7}')
    await shows(page, 3)
    await page.evaluate('live.flush()')
    await shows(await open('/other'), 3)
  })

  it('that the visitor goes back to is set again, whether the browser has kept its page or loads it', async () => {
    const { open } = await start()
    const page = await open('/?d=3')
    // Now without a cookie in its answer: that is not kept.
    await page.reload()
    await page.goto(new URL('/empty', page.url()).href)
    const other = await open('/other')
    await choose(other, 5)
    await other.evaluate('live.flush()')
    // Not at once: the page that has to answer would be gone.
    await page.evaluate('void setTimeout(() => history.back())')
    // A page that the browser has kept is not loaded.
    await onPage.is(page, 'location.pathname', '/')
    await shows(page, 3)
    await page.evaluate('live.flush()')
    await shows(await open('/third'), 3)
  })

  it('that a service worker has fetched is set by the page, and by none in a frame', async () => {
    const { open } = await start()
    const page = await open('/')
    await page.evaluate(`navigator.serviceWorker.register('/worker.js').then(() => new Promise((resolve) => {
      if (navigator.serviceWorker.controller) resolve()
      else navigator.serviceWorker.addEventListener('controllerchange', resolve)
    }))`)
    await page.goto(new URL('/b?d=4', page.url()).href)
    await shows(page, 4)
    await page.evaluate('live.flush()')
    await page.evaluate(`new Promise((resolve) => {
      const frame = document.createElement('iframe')
      frame.src = '/b?d=6'
      frame.onload = resolve
      document.body.append(frame)
    })`)
    const frame = page.frames()[1]
    expect(await frame?.evaluate(`[live.get('division'), location.search]`)).toEqual([4, '?d=6'])
    await shows(await open('/other'), 4)
  })
})
