import { expect, it } from '@jest/globals'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { auth, identify } from '../support/app/auth.js'
import { Gate } from '../support/app/gate.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { isAt } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

/** The script that docs/users.md advises; in addition, the page reports when it shows another role. */
const SCRIPT = `
  import { createLiveSession, followHandOffs } from 'koa-live-session/client'
  import { io } from 'socket.io-client'
  const socket = io()
  const live = createLiveSession({ socket })
  followHandOffs(live)
  live.onVisitor(({ id }) => { if (id !== document.body.dataset.user) location.reload() })
  live.set('theme', 'dark').then(() => { window.isGreeted = true })
  window.signIn = () => socket.emit('sign in')
  live.onChange(({ key }) => key === 'role' && navigator.sendBeacon('/shown'))`

/** Starts an app that answers a sign-in or sign-out only after the old page shows the next visitor's values. */
async function start() {
  const script = pageScript(SCRIPT)
  const shown = new Gate()
  const loaded: string[] = []
  const app = await App.start({
    options: { identify } as never,
    before: (koa) => [auth(koa)],
    routes: async (ctx) => {
      const { liveSession } = ctx
      if (ctx.path === '/browser.js') {
        ctx.type = 'js'
        ctx.body = script
        return
      }
      if (ctx.path === '/shown') {
        shown.open()
        ctx.status = 204
        return
      }
      if (ctx.method === 'POST') {
        const isIn = ctx.path === '/login'
        const message = isIn ? 'Welcome.' : 'Bye.'
        if (ctx.query['by'] === 'socket') await liveSession.takeHandOff('sign-in', z.object({ user: z.string() }))
        ctx['session'] = isIn ? { user: 'ann' } : null
        await (isIn ? liveSession.identify() : liveSession.leave({ forget: true }))
        if (isIn) await liveSession.set('role', 'user')
        await liveSession.flash(message)
        ctx.status = 303
        ctx.redirect(isIn ? '/welcome' : '/bye')
        return
      }
      if (ctx.path === '/favicon.ico') return
      loaded.push(ctx.path)
      if (ctx.path === '/home') {
        ctx['session'].user = 'ann'
        await liveSession.identify()
        await liveSession.set('role', 'user')
      }
      if (['/welcome', '/bye'].includes(ctx.path)) await shown.pass()
      ctx.type = 'html'
      ctx.body = `<!doctype html><body${liveSession.userId ? ` data-user="${liveSession.userId}"` : ''}>
        <p>${(await liveSession.takeFlash()).join()}</p><form method="post"></form>
        ${liveSession.embed()}<script type="module" src="/browser.js"></script>`
    },
  })
  app.io.on('connection', (socket) => {
    socket.on('sign in', () => {
      void socket.liveSession.handOff('sign-in', { user: 'ann' }, { to: '/login?by=socket' })
    })
  })
  const person = await openBrowser()
  const page = await person.newPage()
  const open = async (path: string): Promise<void> => {
    await page.goto(app.url + path)
    await page.waitForFunction('window.isGreeted')
    loaded.splice(0)
  }
  const submit = (path: string, tab = page): Promise<unknown> => {
    const script = `const form = document.querySelector('form'); form.action = '${path}'; setTimeout(() => form.submit())`
    return tab.evaluate(`{ ${script} }`)
  }
  const flashed = (): Promise<unknown> => page.evaluate("document.querySelector('p').textContent")
  const isShown = (path: string): Promise<void> => isAt(page, app.url + path)
  return { person, page, open, submit, loaded, flashed, isShown }
}

describeInBrowser('a tab whose visitor changes', () => {
  it.each([
    ['a form signs in', '/form', '/login', '/welcome', 'Welcome.'],
    ['a form signs out', '/home', '/logout', '/bye', 'Bye.'],
  ])('shows the message of a slow next page after %s', async (_, from, to, at, message) => {
    const { open, submit, loaded, flashed, isShown } = await start()
    await open(from)
    await submit(to)
    await isShown(at)
    expect([await flashed(), loaded]).toEqual([message, [at]])
  })

  it('shows the message of a slow next page after a hand-off', async () => {
    const { page, open, loaded, flashed, isShown } = await start()
    await open('/form')
    await page.evaluate('void signIn()')
    await isShown('/welcome')
    expect([await flashed(), loaded]).toEqual(['Welcome.', ['/welcome']])
  })

  it('reloads at once if another tab signs in', async () => {
    const { person, page, open, submit, loaded } = await start()
    await open('/form')
    const other = await person.open(page.url())
    await submit('/login', other)
    await page.waitForFunction("document.body.dataset.user === 'ann'")
    expect(new URL(page.url()).pathname).toBe('/form')
    expect(loaded).toEqual(expect.arrayContaining(['/form', '/form']))
  })
})
