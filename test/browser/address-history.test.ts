import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import type { Page } from 'puppeteer-core'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { Gate } from '../support/app/gate.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { describeWithClient } from '../support/page/describe-with-client.js'
import { intercept } from '../support/page/intercept.js'
import * as onPage from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'
import type { SiteTab } from '../support/page/site-tab.js'

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

/** Starts an app whose pages have no socket, so that browsers keep them. */
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

describeInBrowser('an address', () => {
  it('applies when the visitor opens the page prefetched from it', async () => {
    const { app, open } = await start()
    const page = await open('/')
    await choose(page, 7)
    await page.evaluate('live.flush()')
    // Marks the request as a prefetch, because a browser shows the response that it has prefetched.
    await intercept(page, /\/ahead\?/, (request) => {
      return request.continue({ headers: { ...request.headers(), purpose: 'prefetch' } })
    })
    const answer = await page.goto(`${app.url}/ahead?d=3`)
    expect(await answer?.text()).toContain('"values":{"division":7}')
    await shows(page, 3)
    await page.evaluate('live.flush()')
    await shows(await open('/other'), 3)
  })

  it('applies again when the visitor goes back to it', async () => {
    const { open } = await start()
    const page = await open('/?d=3')
    // Reloads, because browsers keep no response with a cookie.
    await page.reload()
    await page.goto(new URL('/empty', page.url()).href)
    const other = await open('/other')
    await choose(other, 5)
    await other.evaluate('live.flush()')
    // Leaves in a later task, because leaving at once would lose the answer to this call.
    await page.evaluate('void setTimeout(() => history.back())')
    await onPage.is(page, 'location.pathname', '/')
    await shows(page, 3)
    await page.evaluate('live.flush()')
    await shows(await open('/third'), 3)
  })

  it('applies to a page from a service worker, not to frames', async () => {
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

/** A page that takes itself as being left for as long as the test needs: its timer of ten seconds never ends. */
const LEFT_PAGE = `<link rel="icon" href="data:,"><output></output><a id="one" href="/?d=1">one</a>
<form><button id="two" name="d" value="2">two</button></form><script>
  const wait = setTimeout
  globalThis.setTimeout = (act, ms, ...given) => (ms === 10000 ? 0 : wait(act, ms, ...given))
</script><script type="module">
  import { io } from '/socket.io/socket.io.esm.min.js'
  import { createLiveSession, followAddress } from '/client.js'
  const socket = io({ transports: ['websocket'] })
  window.live = createLiveSession({ socket })
  followAddress(live)
  live.subscribe('division', (division) => {
    document.querySelector('output').value = division
    socket.emit('shows', division)
  })
  socket.once('connect', () => { document.body.dataset.ready = '' })
</script>`
/** Evaluates to the title, the shown value, the address and the history of a ready page. */
const STATE = `document.body.dataset.ready === '' && [document.title, document.querySelector('output').value, location.search,
  navigation.entries().map(({ url }) => new URL(url).search)]`

describeWithClient('a page being left', (tests) => {
  /** Opens an app that delays its response until the page being left shows the new value. */
  async function open(): Promise<SiteTab> {
    const gates = new Map<unknown, Gate>()
    const routes: Koa.Middleware = async (ctx) => {
      if (ctx.path === '/client.js') {
        ctx.type = 'js'
        ctx.body = tests.script
        return
      }
      // Prevents the back/forward cache, because a page from there would send no request.
      ctx.set('cache-control', 'no-store')
      const gate = new Gate()
      gates.set(ctx.liveSession.get('division'), gate)
      if (app.io.sockets.sockets.size > 0) await gate.pass()
      ctx.body = `<!doctype html><title>${ctx.search}</title>${LEFT_PAGE}${ctx.liveSession.embed()}`
    }
    const app = await App.start({ fields, routes })
    app.io.on('connection', (socket) => socket.on('shows', (division) => gates.get(division)?.open()))
    return tests.open(app.url, '/?d=0')
  }

  it('keeps its address after the next page’s value arrives', async () => {
    const tab = await open()
    const hasAddress = (division: number, ...addresses: readonly string[]): Promise<void> => {
      const search = `?d=${division}`
      return tab.is(STATE, [search, String(division), search, addresses])
    }
    await hasAddress(0, '?d=0')
    await tab.page.click('#one')
    await hasAddress(1, '?d=0', '?d=1')
    await tab.page.click('#two')
    await hasAddress(2, '?d=0', '?d=1', '?d=2')
    for (const [direction, division] of [
      ['back', 1],
      ['back', 0],
      ['forward', 1],
    ] as const) {
      await tab.page.evaluate(`void setTimeout(() => history.${direction}())`)
      await hasAddress(division, '?d=0', '?d=1', '?d=2')
    }
  })
})

/** A page whose router intercepts links and history buttons; each navigation ends when the test calls `arrive()`. */
const ROUTED_PAGE = `<!doctype html><link rel="icon" href="data:,"><a id="costs" href="/costs">costs</a>
<a id="projects" href="/projects">projects</a><script type="module">
  import { createLiveSession, followAddress } from '/client.js'
  window.heard = []
  navigation.addEventListener('navigate', (event) => {
    if (event.navigationType === 'replace') return
    const { pathname } = new URL(event.destination.url)
    event.signal.addEventListener('abort', () => heard.push('ended ' + pathname))
    event.intercept({
      handler: async () => {
        await new Promise((resolve) => { window.arrive = resolve })
        if (!event.signal.aborted) heard.push('came to ' + pathname)
      },
    })
  })
  window.live = createLiveSession()
  followAddress(live)
</script>`

describeWithClient('a routed address', (tests) => {
  async function open(): Promise<SiteTab> {
    const routes: Koa.Middleware = (ctx) => {
      ctx.type = ctx.path === '/client.js' ? 'js' : 'html'
      ctx.body = ctx.path === '/client.js' ? tests.script : `${ROUTED_PAGE}${ctx.liveSession.embed()}`
    }
    const app = await App.start({ fields, routes, isAttached: false })
    const tab = await tests.open(app.url, '/?d=3')
    await tab.is(`live.get('division')`, 3)
    return tab
  }
  const hasAddress = (tab: SiteTab, address: string, ...heard: readonly string[]): Promise<void> =>
    tab.is('[location.pathname + location.search, heard]', [address, heard])

  it('shows a value set during navigation when the router has arrived', async () => {
    const tab = await open()
    await tab.page.click('#costs')
    await tab.page.evaluate(`void live.set('division', 4)`)
    await hasAddress(tab, '/costs')
    await tab.page.evaluate('arrive()')
    await hasAddress(tab, '/costs?d=4', 'came to /costs')
  })

  it('shows the value after a second link interrupts the first', async () => {
    const tab = await open()
    await tab.page.click('#costs')
    await tab.page.click('#projects')
    await hasAddress(tab, '/projects', 'ended /costs')
    await tab.page.evaluate('arrive()')
    await hasAddress(tab, '/projects?d=3', 'ended /costs', 'came to /projects')
  })

  it('shows the value after going back', async () => {
    const tab = await open()
    await tab.page.click('#costs')
    await tab.page.evaluate('arrive()')
    await hasAddress(tab, '/costs?d=3', 'came to /costs')
    await tab.page.evaluate('void setTimeout(() => history.back())')
    await hasAddress(tab, '/?d=3', 'came to /costs')
    await tab.page.evaluate(`void live.set('division', 4)`)
    await hasAddress(tab, '/?d=3', 'came to /costs')
    await tab.page.evaluate('arrive()')
    await hasAddress(tab, '/?d=4', 'came to /costs', 'came to /')
  })
})
