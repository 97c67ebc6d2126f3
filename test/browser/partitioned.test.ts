import { it } from '@jest/globals'
import type Koa from 'koa'
import type { Frame, Page } from 'puppeteer-core'
import { App } from '../support/app/app.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, shows } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

const SCRIPT = pageScript(`
  import { createLiveSession, onFlash } from 'koa-live-session/client'
  const live = createLiveSession()
  const show = () => {
    const { status, reason = '' } = live.status('division')
    document.title = [live.get('division'), status, reason].join(' ').trim()
    document.querySelector('output').value = document.title
  }
  live.onStatus(show)
  live.subscribe('division', show)
  document.querySelector('button').addEventListener('click', () => live.set('division', live.get('division') + 1).catch(show))
`)

/** Makes requests look encrypted, so that the app sets secure cookies, which browsers accept from localhost without TLS. */
const secured: Koa.Middleware = (ctx, next) => {
  ctx.req.headers['x-forwarded-proto'] = 'https'
  return next()
}

/** Starts an app; its pages at other hosts embed its page at `localhost`. */
async function start(options: object): Promise<App> {
  return App.start({
    before: (koa) => {
      koa.proxy = true
      return [secured]
    },
    options: { secure: true, ...options },
    routes: (ctx) => {
      ctx.type = 'html'
      if (ctx.hostname !== 'localhost') {
        ctx.body = `<!doctype html><iframe src="http://localhost:${app(ctx)}/"></iframe>`
        return
      }
      const embedded = ctx.liveSession.embed()
      ctx.body = `<!doctype html><output></output><button>next</button>${embedded}<script type="module">${SCRIPT}</script>`
    },
  })
}

const app = (ctx: Koa.Context): string => ctx.host.split(':')[1] ?? ''

/** Blocks third-party cookies, and opens a page of another site that embeds the app. */
async function embed(page: Page, site: string, { port }: App): Promise<Frame> {
  const cdp = await page.createCDPSession()
  await cdp.send('Network.enable')
  const controls = {
    enableThirdPartyCookieRestriction: true,
    disableThirdPartyCookieMetadata: true,
    disableThirdPartyCookieHeuristics: true,
  }
  await cdp.send('Network.setCookieControls', controls)
  await page.goto(`http://${site}.localhost:${port}/`)
  const frame = page.frames().find((one) => one !== page.mainFrame())
  if (!frame) throw new Error('no frame')
  return frame
}

describeInBrowser('a cross-site frame without third-party cookies', () => {
  it('saves nothing without the option partitioned', async () => {
    const page = await (await openBrowser()).newPage()
    const frame = await embed(page, 'one', await start({ sameSite: 'none' }))
    await click(frame, 'button')
    await shows(frame, 'output', '0 rejected cookies_blocked')
  })

  it('saves separately for each embedding site, with the option partitioned', async () => {
    const app = await start({ partitioned: true })
    const context = await openBrowser()
    const page = await context.newPage()
    const frame = await embed(page, 'one', app)
    await click(frame, 'button')
    await shows(frame, 'output', '0 saved')
    await page.reload()
    const again = await embed(page, 'one', app)
    await shows(again, 'output', '0 saved')
    const other = await embed(await context.newPage(), 'two', app)
    await shows(other, 'output', '-1 default')
    await click(other, 'button')
    await click(other, 'button')
    await shows(other, 'output', '1 saved')
    await shows(await embed(page, 'one', app), 'output', '0 saved')
  })
})
