import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import session from 'koa-session'
import type { Page } from 'puppeteer-core'
import { App } from '../support/app/app.js'
import { AuthStore, account, identify } from '../support/app/auth.js'
import { present } from '../support/app/present.js'
import { describeInBrowser, openBrowser, type Person } from '../support/page/browser.js'
import { textOf } from '../support/page/on-page.js'

const MINUTES = 60_000
const HOUR = 60 * MINUTES

/**
 * Timers of a minute or longer fire when the test says so: the page waits for the server's time. Timers up to a second
 * are counted, so that the test can wait for them.
 */
const LONG_TIMERS = `
  const { setTimeout: wait, clearTimeout: clear } = globalThis
  let long = []
  const short = new Set()
  globalThis.setTimeout = (act, ms, ...given) => {
    if (ms >= ${MINUTES}) return long.push(act)
    const timer = wait((...all) => (short.delete(timer), act(...all)), ms, ...given)
    if (!(ms > 1000)) short.add(timer)
    return timer
  }
  globalThis.clearTimeout = (timer) => (short.delete(timer), clear(timer))
  const awaitShortTimers = (then) => short.size === 0 ? then() : wait(awaitShortTimers, 10, then)
  globalThis.shortTimers = () => new Promise(awaitShortTimers)
  globalThis.endLongTimers = () => { for (const act of long.splice(0)) act() }
  globalThis.countLongTimers = () => long.length`

/** Resolves when the page has had its turn, which it takes after a short timer. */
const USE_AND_TAKE_TURN = `
  dispatchEvent(new Event('keydown'))
  shortTimers().then(() => navigator.locks.request('live-session:/store_session', () => undefined))`

let now = 0
beforeEach(() => {
  now = Date.now()
  jest.spyOn(Date, 'now').mockImplementation(() => now)
})

const page: Koa.Middleware = async (ctx, next) => {
  const { liveSession } = ctx
  if (ctx.path === '/page.js') {
    ctx.type = 'js'
    ctx.body = readFileSync(join(process.env['SITE_FOLDER'] ?? '', 'page.js'))
  } else if (ctx.path === '/page') {
    const outputs = ['division', 'theme', 'cart', 'role'].map((key) => `<output data-key="${key}"></output>`)
    ctx.body = `<!doctype html><link rel="icon" href="data:,">${outputs.join('')}${liveSession.embed()}<script type="module" src="/page.js"></script>`
  } else await account(ctx, next)
}

interface Site {
  readonly app: App
  readonly store: AuthStore
  readonly person: Person
  /** Bodies of the POSTs, and the status of each response. */
  readonly posts: [body: string, status: number][]
  /** Opens a page of ann's, whose division is 3. */
  open(): Promise<Page>
}

/** The live cookie and the app's session last for an hour after the last request. */
async function start(recheck = Number.POSITIVE_INFINITY): Promise<Site> {
  const store = new AuthStore()
  const sessions: Koa.Middleware[] = []
  const app = await App.start({
    before: (koa) => {
      sessions.push(session({ key: 'app', rolling: true, maxAge: HOUR, store }, koa))
      return sessions
    },
    options: { identify, maxAge: HOUR, clock: () => now } as never,
    attach: { handshake: (ctx, next) => present(sessions[0])(ctx, next), recheck },
    routes: page,
  })
  const person = await openBrowser({ script: LONG_TIMERS })
  const posts: Site['posts'] = []
  const first = await person.newPage()
  await first.goto(`${app.url}/login/now?user=ann`)
  await first.goto(`${app.url}/set?values={"division":3}`)
  await first.close()
  const open = async (): Promise<Page> => {
    const tab = await person.newPage()
    tab.on('response', (answer) => {
      if (answer.url().endsWith('/store_session')) posts.push([answer.request().postData() ?? '', answer.status()])
    })
    await tab.goto(`${app.url}/page`)
    await tab.waitForFunction('site.socket.connected && site.isAtRest()')
    await shows(tab, 3)
    return tab
  }
  return { app, store, person, posts, open }
}

/** Resolves when the page shows that division. */
async function shows(tab: Page, division: number): Promise<void> {
  await tab.waitForFunction(`document.querySelector('[data-key=division]').value === '${division}'`)
}

/** Advances the time of the server and the pages. */
async function pass(ms: number, ...tabs: readonly Page[]): Promise<void> {
  now += ms
  for (const tab of tabs) await tab.evaluate('endLongTimers()')
}

describeInBrowser('a page older than its cookies', () => {
  it('keeps its user while it is used', async () => {
    const { person, app, posts, open } = await start(1000)
    const tab = await open()
    const before = posts.length
    for (let count = 0; count < 9; count += 1) {
      await pass(20 * MINUTES, tab)
      const answered = tab.waitForResponse((one) => one.url().endsWith('/store_session'))
      await (count % 2 === 0 ? tab.keyboard.press('Shift') : tab.mouse.click(5, 5))
      expect((await answered).status()).toBe(200)
      await tab.waitForFunction('site.isAtRest()')
    }
    expect(posts).toHaveLength(before + 9)
    await shows(tab, 3)
    const later = await person.open(`${app.url}/`)
    expect(JSON.parse(await textOf(later, 'body'))).toMatchObject({ division: 3 })
  })

  it('becomes a guest’s if unused, and POSTs nothing before', async () => {
    const { posts, store, open } = await start(1000)
    const tab = await open()
    const [before, writes] = [posts.length, store.writes.length]
    await pass(55 * MINUTES, tab)
    expect([posts.length, store.writes.length]).toEqual([before, writes])
    await pass(2 * HOUR + 5 * MINUTES, tab)
    await shows(tab, -1)
    expect(posts[before]).toEqual(['{}', 200])
  })

  it('POSTs in only one of two tabs', async () => {
    const { posts, open } = await start()
    const tabs = [await open(), await open()] as const
    const before = posts.length
    await pass(20 * MINUTES, ...tabs)
    const [used, other] = tabs
    await used.evaluate(USE_AND_TAKE_TURN)
    // The other tab has received the news of the POST, and restarts its timer.
    await other.waitForFunction('countLongTimers() > 0')
    await other.evaluate(USE_AND_TAKE_TURN)
    expect(posts).toHaveLength(before + 1)
  })
})

describeInBrowser('a page whose session ended elsewhere', () => {
  it('becomes a guest’s at the next recheck', async () => {
    const { store, open } = await start(1000)
    const tab = await open()
    store.sessions.clear()
    await shows(tab, -1)
  })

  it('becomes a guest’s at its next use', async () => {
    const { posts, store, open } = await start()
    const tab = await open()
    const before = posts.length
    store.sessions.clear()
    await pass(20 * MINUTES, tab)
    await tab.keyboard.press('Shift')
    await shows(tab, -1)
    expect(posts[before]?.[1]).toBe(200)
  })
})
