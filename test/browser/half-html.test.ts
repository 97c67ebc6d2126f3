import { PassThrough } from 'node:stream'
import { expect, it } from '@jest/globals'
import { App } from '../support/app/app.js'
import { Gate } from '../support/app/gate.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { is } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

const SCRIPT = pageScript(`
  import { createLiveSession } from 'koa-live-session/client'
  window.hasRun = true
  window.live = createLiveSession()
`)

/** Opens a page that has half of the text of `embed()`, and an async script that arrives when the returned function is called. */
async function openHalf() {
  const [script, rest] = [new Gate(), new Gate()]
  const app = await App.start({
    routes: async (ctx) => {
      if (ctx.path === '/page.js') {
        await script.pass()
        ctx.type = 'js'
        ctx.body = SCRIPT
        return
      }
      await ctx.liveSession.set('division', 5)
      const embedded = ctx.liveSession.embed()
      const half = embedded.length / 2
      const body = new PassThrough()
      ctx.type = 'html'
      ctx.body = body
      // Browsers wait for some text before they show the first.
      body.write(`<!doctype html><script type="module" async src="/page.js"></script><p>${' '.repeat(2000)}</p>`)
      body.write(embedded.slice(0, half))
      void rest.pass().then(() => body.end(embedded.slice(half)))
    },
  })
  const person = await openBrowser()
  const page = await person.newPage()
  const loaded = page.goto(app.url)
  const run = async (): Promise<void> => {
    script.open()
    await page.waitForFunction('window.hasRun')
  }
  const finish = async (): Promise<void> => {
    rest.open()
    await loaded
  }
  await page.waitForFunction("document.querySelector('script#live-session')?.innerHTML")
  return { person, page, run, finish }
}

describeInBrowser('a page that has half of its HTML', () => {
  it('starts, and has its values when the rest arrives', async () => {
    const { person, page, run, finish } = await openHalf()
    await run()
    await finish()
    expect(person.errors).toEqual([])
    await is(page, "live.ready.then(() => live.get('division'))", 5)
  })
})
