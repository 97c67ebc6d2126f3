import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import type { Page } from 'puppeteer-core'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { describeInBrowser, openBrowser, type Person } from '../support/page/browser.js'
import { WITH_AND_WITHOUT_SOCKET } from '../support/page/notes.js'
import { is, textOf } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write', url: 'd' },
  open: { schema: z.boolean(), default: false, client: 'write', url: 'open' },
  tags: { schema: z.array(z.string()), default: [], client: 'write', url: 'tags' },
  zoom: { schema: z.number(), default: 1, client: 'write', url: 'zoom', scope: 'browser' },
})

const SCRIPT = pageScript(`
  import { createLiveSession, followAddress } from 'koa-live-session/client'
  import { io } from 'socket.io-client'
  const { dataset } = document.documentElement
  window.live = createLiveSession({ socket: dataset.socket ? io() : undefined })
  window.shown = []
  followAddress(live)
  live.subscribe('division', (division) => shown.push(division))
  window.state = () => [...new Set(shown), live.status('division').status, live.status('division').reason, location.search]`)

/** The page shows the value of its link from its first script on, and has tried in vain to save it. */
const BLOCKED = [3, 'rejected', 'cookies_blocked', '?d=3']
const SAVED = [3, 'saved', null, '?d=3']

async function start(
  hasSocket: boolean,
  user?: string,
): Promise<{ person: Person; open(path: string): Promise<Page> }> {
  const routes: Koa.Middleware = (ctx) => {
    ctx.type = ctx.path === '/page.js' ? 'js' : 'html'
    ctx.body =
      ctx.path === '/page.js'
        ? SCRIPT
        : `<!doctype html><html data-socket="${hasSocket ? 'yes' : ''}"><link rel="icon" href="data:,">
           <output>${ctx.liveSession.get('division')}</output>
           ${ctx.liveSession.embed()}<script type="module" src="/page.js"></script>`
  }
  const consent = (ctx: Koa.Context): boolean => ctx.cookies.get('consent') === 'yes'
  const app = await App.start({ fields, routes, options: { consent, identify: () => user } })
  const person = await openBrowser()
  return { person, open: (path) => person.open(app.url + path) }
}

describeInBrowser('a link’s value before consent', () => {
  it.each(WITH_AND_WITHOUT_SOCKET)('stays shown, %s, and is saved after consent', async (_, hasSocket) => {
    const { person, open } = await start(hasSocket)
    const page = await open('/?d=3')
    expect(await textOf(page, 'output')).toBe('3')
    await is(page, 'state()', BLOCKED)
    expect(await person.context.cookies()).toEqual([])
    await page.evaluate("document.cookie = 'consent=yes; Path=/'; live.flush()")
    await is(page, 'state()', SAVED)
    expect(await textOf(await open('/'), 'output')).toBe('3')
  })

  it.each(WITH_AND_WITHOUT_SOCKET)('is back after Back, %s', async (_, hasSocket) => {
    const { open } = await start(hasSocket)
    const page = await open('/?d=3')
    await is(page, 'state()', BLOCKED)
    await page.goto(new URL('/?d=4', page.url()).href)
    await is(page, 'live.get("division")', 4)
    await page.evaluate('void setTimeout(() => history.back())')
    await is(page, 'state()', BLOCKED)
  })

  it.each([
    ['a checked box', 'open', '?open=false&open=true', true],
    ['a short list', 'tags', '?tags=a', ['a']],
    ['a numeric list', 'tags', '?tags=3', ['3']],
  ])('is the server’s for %s', async (_, key, search, value) => {
    const { open } = await start(true)
    const page = await open(`/${search}`)
    await is(page, `[live.get('${key}'), live.status('${key}').reason, location.search]`, [
      value,
      'cookies_blocked',
      search,
    ])
  })

  it('of a user’s browser stays shown', async () => {
    const { open } = await start(true, 'ann')
    const page = await open('/?zoom=2')
    const state = "[live.get('zoom'), live.status('zoom').reason, location.search]"
    await is(page, state, [2, 'cookies_blocked', '?zoom=2'])
    await page.reload()
    await is(page, state, [2, 'cookies_blocked', '?zoom=2'])
  })
})
