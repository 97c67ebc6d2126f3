import { expect, it } from '@jest/globals'
import type { SocketSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import type { Page } from 'puppeteer-core'
import { z } from 'zod'
import { App, type AppOptions } from '../support/app/app.js'
import { present } from '../support/app/present.js'
import { describeInBrowser, openBrowser, type Person } from '../support/page/browser.js'
import { click, textOf } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

/** The item with the `who` that a page has proved. */
const STORED_WHO = 'live-session:/store_session'
const fields = defineFields({
  step: { schema: z.number().int(), default: 1, client: 'write', scope: 'tab' },
  note: { schema: z.string(), default: '', scope: 'tab' },
  division: { schema: z.number().int(), default: -1, client: 'write' },
})

const SCRIPT = pageScript(`
  import { createLiveSession, keepTab } from 'koa-live-session/client'
  import { io } from 'socket.io-client'
  const socket = location.pathname === '/no-socket' ? undefined : io({ transports: ['websocket'], reconnectionDelay: 50 })
  const posts = []
  const { fetch } = window
  window.fetch = (url, init) => (posts.push(init.body), fetch(url, init))
  const live = createLiveSession({ socket })
  keepTab(live)
  Object.assign(window, { live, posts, socket, first: live.get('step') })
  addEventListener('pageshow', ({ persisted }) => { window.isKept = persisted })
  socket?.on('seen', (seen) => { window.seen = seen })`)

type TabApp = App<typeof fields>

async function start(given: Partial<AppOptions<typeof fields>> = {}): Promise<TabApp> {
  const app = await App.start({
    ...given,
    fields,
    options: {
      identify: (ctx: { cookies: { get(name: string): string | undefined } }) => ctx.cookies.get('user'),
    } as never,
    routes: (ctx) => {
      if (ctx.path === '/browser.js') {
        ctx.type = 'js'
        ctx.body = SCRIPT
        return
      }
      if (ctx.path.startsWith('/favicon')) return
      const { values } = ctx.liveSession.snapshot()
      ctx.body = `<!doctype html><output>${values['step']} ${values['note']}</output><a href="/other">on</a>${ctx.liveSession.embed()}
        <script type="module" src="/browser.js"></script>`
    },
  })
  app.io.on('connection', (socket) => {
    const session = socket.liveSession as unknown as SocketSession<typeof fields>
    socket.emit('seen', session.get('step'))
    socket.on('note', (note: string, done: () => void) => void session.set('note', note).then(done))
  })
  return app
}

async function open(person: Person, url: string): Promise<Page> {
  const page = await person.open(url)
  await isGreeted(page)
  return page
}

async function isGreeted(page: Page): Promise<void> {
  await page.waitForFunction('location.pathname === "/no-socket" || window.seen !== undefined')
}

const set = (page: Page, step: number): Promise<unknown> => page.evaluate(`live.set('step', ${step})`)
const step = (page: Page): Promise<unknown> => page.evaluate("live.get('step')")
const first = (page: Page): Promise<unknown> => page.evaluate('first')
const seen = (page: Page): Promise<unknown> => page.evaluate('seen')
const html = (page: Page): Promise<string> => textOf(page, 'output')

describeInBrowser('values of a tab', () => {
  it('are saved without a POST, cookie or localStorage', async () => {
    const app = await start()
    const person = await openBrowser()
    const [one, two] = [await open(person, app.url), await open(person, app.url)]
    await one.evaluate('posts.length = 0')
    await set(one, 3)
    expect(await one.evaluate("[live.status('step'), posts]")).toEqual([{ status: 'saved' }, []])
    // Only the visitor that the page has proved is there.
    expect(await one.evaluate('[Object.keys(localStorage), document.cookie]')).toEqual([[STORED_WHO], ''])
    await one.evaluate("live.set('division', 4)")
    await two.waitForFunction("live.get('division') === 4")
    expect([await step(one), await step(two)]).toEqual([3, 1])
    const cookie = (await person.cookie('live')) ?? ''
    expect(Buffer.from(cookie, 'base64').toString()).not.toContain('step')
  })

  it('are known to each page’s first HTML, script and socket handler', async () => {
    const app = await start()
    const page = await open(await openBrowser(), app.url)
    await set(page, 3)
    await page.evaluate("new Promise((done) => socket.emit('note', 'kept', done))")
    await page.waitForFunction("live.get('note') === 'kept'")
    for (const go of [() => page.reload(), () => click(page, 'a'), () => page.goBack()]) {
      await page.evaluate('window.seen = window.isKept = undefined')
      await go()
      await page.waitForFunction('window.isKept !== undefined')
      await isGreeted(page)
      expect([await step(page), await html(page)]).toEqual([3, '3 kept'])
      if (!(await page.evaluate('isKept'))) expect([await first(page), await seen(page)]).toEqual([3, 3])
    }
    // A page restored by Back leaves the cookie to its end, after five seconds.
    await page.reload()
    await isGreeted(page)
    expect(await page.evaluate('document.cookie')).toBe('')
  })

  it('survive restarts of the server', async () => {
    const before = await start()
    const page = await open(await openBrowser(), before.url)
    await set(page, 3)
    await page.evaluate('window.seen = undefined')
    const { clock, port, url } = before
    await before.stop({ isCrash: true })
    const after = await start({ clock, port })
    await isGreeted(page)
    expect([await seen(page), await step(page)]).toEqual([3, 3])
    await page.goto('about:blank')
    await after.stop({ isCrash: true })
    await start({ clock, port })
    await page.goto(url)
    await isGreeted(page)
    expect([await first(page), await seen(page), await step(page)]).toEqual([3, 3, 3])
  })

  it('threat 75: begin as copies in duplicated tabs', async () => {
    const app = await start()
    const person = await openBrowser()
    const page = await open(person, app.url)
    await set(page, 3)
    const opening = new Promise<Page | null>((resolve) => page.once('popup', resolve))
    await page.evaluate("void window.open('/')")
    const copy = present(await opening)
    await isGreeted(copy)
    const fresh = await open(person, app.url)
    expect([await step(copy), await seen(copy), await step(fresh)]).toEqual([3, 3, 1])
    await set(copy, 4)
    await set(page, 5)
    await copy.reload()
    await isGreeted(copy)
    expect([await step(page), await step(copy), await html(copy), await step(fresh)]).toEqual([5, 4, '4', 1])
  })

  it('threat 75: are cleared for the tab’s next user', async () => {
    const app = await start()
    const person = await openBrowser()
    const page = await open(person, app.url)
    await set(page, 3)
    await person.context.setCookie({ name: 'user', value: 'ann', domain: new URL(app.url).hostname })
    await page.reload()
    await isGreeted(page)
    expect([await first(page), await seen(page), await step(page), await html(page)]).toEqual([1, 1, 1, '1'])
    expect(await page.evaluate("Object.values(sessionStorage).join('')")).toBe('')
  })

  it('survive a reload in the task that set them', async () => {
    const app = await start()
    const page = await open(await openBrowser(), app.url)
    await Promise.all([
      page.waitForNavigation(),
      page.evaluate(`window.seen = undefined
        void live.set('step', 3)
        void live.update('step', (step) => step + 1)
        name = Object.keys(localStorage)
        location.reload()`),
    ])
    await isGreeted(page)
    await page.waitForFunction("live.status('step').status === 'saved'")
    expect([await step(page), await page.evaluate('name')]).toEqual([4, STORED_WHO])
  })

  it('are POSTed without a socket', async () => {
    const app = await start()
    const person = await openBrowser()
    const page = await open(person, `${app.url}/no-socket`)
    const other = await open(person, `${app.url}/no-socket`)
    await set(page, 3)
    expect(await page.evaluate("live.status('step')")).toEqual({ status: 'saved' })
    await page.evaluate("live.update('step', (step) => step + 1)")
    await page.evaluate("live.set('division', 4)")
    await page.reload()
    expect([await first(page), await html(page), await step(other)]).toEqual([4, '4', 1])
    expect(await other.evaluate("Object.values(sessionStorage).join('')")).toBe('')
  })
})
