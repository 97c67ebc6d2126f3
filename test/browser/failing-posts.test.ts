import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app/app.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

const SCRIPT = pageScript(`
  import { createLiveSession } from './client/development/index.js'
  const live = createLiveSession()
  document.querySelector('button').onclick = () => void live.set('division', 3).catch(() => undefined)
`)

/** Opens a page whose POSTs another server answers; resolves with the library's console message. */
async function open(answer: (ctx: Koa.Context, login: string) => void) {
  const app: App = await App.start({
    before: () => [
      (ctx, next) => {
        if (ctx.path === '/script.js') Object.assign(ctx, { type: 'js', body: SCRIPT })
        else if (ctx.hostname.startsWith('login.')) Object.assign(ctx, { type: 'html', body: '<h1>Sign in</h1>' })
        else if (ctx.path === '/store_session') answer(ctx, `http://login.site.localhost:${app.port}/`)
        else return next()
        return undefined
      },
    ],
    routes: (ctx) => {
      ctx.type = 'html'
      ctx.body = `${ctx.liveSession.embed()}<button>set</button><script type="module" src="/script.js"></script>`
    },
  })
  const page = await (await openBrowser()).newPage()
  const warning = new Promise<string>((resolve) => {
    page.on('console', (message) => message.text().includes('koa-live-session') && resolve(message.text()))
  })
  await page.goto(`http://shop.site.localhost:${app.port}/`)
  return { page, warning }
}

describeInBrowser('a page whose POSTs fail', () => {
  it('explains a login proxy’s redirect in the console', async () => {
    const { page, warning } = await open((ctx, login) => ctx.redirect(login))
    await click(page, 'button')
    expect(await warning).toContain('A login proxy has redirected it: sign in again')
  })

  it('names the page of its own host to which a redirect leads', async () => {
    const { page, warning } = await open((ctx) => ctx.redirect('/sign-in?to=store'))
    await click(page, 'button')
    expect(await warning).toContain(
      `The server has redirected it to ${new URL('/sign-in', page.url())}, and a redirected POST`,
    )
  })

  it('explains a repeated 502 in the console', async () => {
    const { page, warning } = await open((ctx) => void Object.assign(ctx, { status: 502, body: '' }))
    await click(page, 'button')
    expect(await warning).toContain(
      "502; changes are shown but not saved. If the server is up, its headers do not fit the proxy's buffer",
    )
  })
})
