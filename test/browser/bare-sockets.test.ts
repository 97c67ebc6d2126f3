import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import type { Page } from 'puppeteer-core'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { htmlOf, is } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'
import { freePort } from '../support/servers/free-port.js'

const fields = defineFields({ n: { schema: z.number(), default: 0, client: 'write' } })

const SCRIPT = pageScript(`
  import { createLiveSession } from './client/development/index.ts'
  import { io } from 'socket.io-client'
  const { ws = location.host, transport = 'websocket', html } = Object.fromEntries(new URLSearchParams(location.search))
  const socket = io('//' + ws, { transports: [transport], reconnectionDelay: 20, reconnectionDelayMax: 40 })
  const live = createLiveSession({ socket, ...(html === 'static' && { initial: { n: 0 } }) })
  let visitors = 0
  live.onVisitor(() => (visitors += 1))
  const outcomes = []
  const set = (n) => void live.set('n', n).then(() => outcomes.push('saved'), ({ code }) => outcomes.push(code))
  Object.assign(window, { live, set, outcomes, shown: () => [live.get('n'), live.status().status, visitors, outcomes] })`)

/** Starts an app; handshakes, or all requests, lose their cookies, as behind a proxy that drops the header. */
async function start(drops: 'handshakes' | 'requests' | 'nothing') {
  const port = await freePort()
  let handshakes = 0
  const routes: Koa.Middleware = (ctx) => {
    ctx.type = ctx.path === '/page.js' ? 'js' : 'html'
    if (ctx.path === '/page.js') {
      ctx.body = SCRIPT
      return
    }
    if (ctx.query['user'] !== undefined) ctx.cookies.set('user', 'ann')
    // The browser asks for an icon, too.
    const isStatic = ctx.path !== '/' || ctx.query['html'] === 'static'
    const values = isStatic ? '' : `<i>${ctx.liveSession.get('n')}</i>${ctx.liveSession.embed()}`
    ctx.body = `<!doctype html>${values}<script type="module" src="/page.js"></script>`
  }
  const app = await App.start<typeof fields>({
    fields,
    routes,
    port,
    options: {
      origins: [`http://www.site.localhost:${port}`],
      identify: (ctx: Koa.Context) => (ctx.query['user'] === undefined ? ctx.cookies.get('user') : 'ann'),
    } as never,
    before: () => [
      (ctx, next) => {
        if (drops === 'requests') delete ctx.req.headers.cookie
        return next()
      },
    ],
    attach: { handshake: [] },
    io: {
      allowRequest: (request, decide) => {
        handshakes += 1
        if (drops !== 'nothing') delete request.headers.cookie
        decide(null, true)
      },
    },
  })
  return { app, handshakes: () => handshakes, url: (search = '') => `http://www.site.localhost:${port}/${search}` }
}

/** Sets a value, and waits until the page has saved it. */
async function save(page: Page, n: number, before: number): Promise<void> {
  await page.evaluate(`set(${n})`)
  await is(page, 'shown()', [n, 'saved', 0, Array(before + 1).fill('saved')])
}

const LOGGED = expect.stringContaining('brought no live cookie, but its POSTs do')
const WARNED = expect.stringContaining('the handshake of the socket brought no live cookie, but POSTs do')

describeInBrowser('a page whose socket lacks the cookie', () => {
  it.each([
    ['a guest', ''],
    ['a user', '?user'],
    ['static HTML', '?html=static'],
    ['polling', '?transport=polling'],
  ])('saves by POST, reconnects once, and says why: %s', async (kind, search) => {
    const { app, handshakes, url } = await start('handshakes')
    const person = await openBrowser()
    const page = await person.open(url(search))
    // The first answer to static HTML sets the cookie, and reconnects once more.
    const most = kind === 'static HTML' ? 3 : 2
    await save(page, 7, 0)
    await save(page, 8, 1)
    expect(app.warnings).toEqual([LOGGED])
    expect(person.warnings).toEqual([WARNED])
    if (kind === 'polling') return
    expect(handshakes()).toBe(most)
    // The browser reconnects by itself, and asks again.
    for (const times of [1, 2, 3, 4]) {
      for (const { conn } of app.io.sockets.sockets.values()) conn.close()
      await save(page, 8 + times, 1 + times)
      await is(page, 'live.status().status', 'saved')
    }
    await page.goto(url())
    expect(await htmlOf(page)).toContain('<i>12</i>')
    expect(app.errors).toEqual([])
  })

  it('in two tabs saves the changes of both', async () => {
    const { app, handshakes, url } = await start('handshakes')
    const person = await openBrowser()
    const [one, two] = [await person.open(url()), await person.open(url())]
    await save(one, 1, 0)
    await save(two, 2, 0)
    await is(one, 'live.get("n")', 2)
    expect(handshakes()).toBeLessThanOrEqual(6)
    expect(await htmlOf(one)).toContain('<i>2</i>')
    expect(app.errors).toEqual([])
  })

  it('learns of a sign-in in another tab, and saves as the user', async () => {
    const { app, handshakes, url } = await start('handshakes')
    const person = await openBrowser()
    const page = await person.open(url())
    await save(page, 1, 0)
    const other = await person.open(url('?user'))
    await save(other, 5, 0)
    await is(page, 'shown().slice(0, 3)', [5, 'saved', 1])
    await page.evaluate('set(6)')
    await is(page, 'shown()', [6, 'saved', 1, ['saved', 'saved']])
    expect(handshakes()).toBeLessThanOrEqual(8)
    expect(await htmlOf(other)).toContain('<i>6</i>')
    expect(app.errors).toEqual([])
  })

  it('on another host saves by POST', async () => {
    const { app, url } = await start('nothing')
    const person = await openBrowser()
    const page = await person.open(url(`?ws=ws.site.localhost:${app.port}`))
    await save(page, 7, 0)
    expect(person.warnings).toEqual([WARNED])
    expect(await htmlOf(page)).toContain('<i>7</i>')
  })

  it('reports cookies_blocked if POSTs lack the cookie, too', async () => {
    const { app, url } = await start('requests')
    const person = await openBrowser()
    const page = await person.open(url())
    await page.evaluate('set(7)')
    await is(page, 'shown().slice(0, 2)', [7, 'rejected'])
    await is(page, 'outcomes', ['cookies_blocked'])
    expect([app.warnings, person.warnings]).toEqual([[], []])
  })
})
