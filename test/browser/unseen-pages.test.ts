import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app/app.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'

/** A request for the messages of `shop.site.localhost`, and its Sec-Fetch-Dest. */
interface Taken {
  readonly by: string
  readonly messages: readonly unknown[]
}

/**
 * Starts `shop.site.localhost`, which flashes and shows a message, and `evil.site.localhost`, whose page requests it
 * unseen.
 */
async function start() {
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

describeInBrowser('threat 66, in a browser: a sibling subdomain', () => {
  it('takes no message by hidden frame or fetch', async () => {
    const { page, taken, url } = await start()
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
