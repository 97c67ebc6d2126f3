import { EventEmitter, once } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { Gate } from '../support/app/gate.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { pageScript } from '../support/page/page-script.js'

const fields = defineFields({ note: { schema: z.string(), default: 'nothing', client: 'write' } })
const menuFor = (how: 'prefetch' | 'prerender'): string =>
  `<script type="speculationrules">{"${how}":[{"urls":["/notes"],"eagerness":"immediate"}]}</script>`

const scriptFor = (hasSocket: boolean): string => `
  import { createLiveSession } from 'koa-live-session/client'
  import { io } from 'socket.io-client'
  const live = createLiveSession({ ${hasSocket ? 'socket: io()' : ''} })
  const output = document.querySelector('output')
  window.visitors = []
  window.seen = []
  window.isSaved = () => live.status('note').status === 'saved'
  live.onVisitor(({ kind }) => visitors.push(kind))
  live.subscribe('note', (note) => { output.value = note; seen.push(note) })
  addEventListener('pageshow', () => { seen.splice(0, Infinity, output.value); window.isShown = true })
  addEventListener('pagehide', () => { window.isShown = false })
  if (document.prerendering) {
    fetch('/prerendered')
    document.addEventListener('prerenderingchange', () => {
      seen.splice(0, Infinity, output.value)
      fetch('/activated?' + seen)
    })
    live.onVisitor(({ kind }) => fetch('/visitor?' + [kind, ...seen]))
  }`

/** The bundled Chromium has no back/forward cache, so .ci/run runs this file in an installed Chromium. */
const describeInInstalled = (title: string, run: () => void): void => {
  if (process.env['BROWSER_IS_BUNDLED'] === undefined) describeInBrowser(title, run)
  else describe.skip(`${title} (needs an installed Chromium: set CHROME_PATH)`, run)
}

/**
 * Opens Ann's page at `/notes`. After `hold()`, the server answers neither POSTs nor handshakes until the gate opens.
 */
async function start({ hasSocket = false } = {}) {
  const person = await openBrowser()
  const page = await person.newPage()
  const script = pageScript(scriptFor(hasSocket))
  let gate: Gate | undefined
  const prefetched = new Gate()
  /** The pages' reports, by path. */
  const reports = new EventEmitter()
  const loaded: string[] = []
  const app = await App.start({
    fields,
    options: { identify: (ctx) => ctx.cookies.get('user', { signed: false }) },
    before: () => [
      async (ctx, next) => {
        if (ctx.path === '/store_session' || ctx.path.startsWith('/socket.io')) await gate?.pass()
        await next()
      },
    ],
    routes: async (ctx) => {
      ctx.type = 'html'
      if (ctx.path === '/browser.js') {
        ctx.type = 'js'
        ctx.body = script
      } else if (ctx.path === '/sign-in') {
        ctx.cookies.set('user', 'ann', { signed: false })
        await ctx.liveSession.identify()
        await ctx.liveSession.set('note', 'of Ann')
        ctx.body = 'signed in'
      } else if (ctx.path === '/sign-out') {
        ctx.cookies.set('user', null)
        await ctx.liveSession.leave({ forget: true })
        ctx.body = 'signed out'
      } else if (ctx.path === '/notes') {
        const purpose = ctx.get('Sec-Purpose')
        loaded.push(purpose)
        if (purpose) ctx.res.once('finish', () => void prefetched.pass())
        ctx.body = `<!doctype html><output></output>${ctx.liveSession.embed()}<script type="module" src="/browser.js"></script>`
      } else if (ctx.path === '/prefetch' || ctx.path === '/prerender') {
        ctx.body = menuFor(ctx.path === '/prefetch' ? 'prefetch' : 'prerender')
      } else {
        reports.emit(ctx.path, ctx.querystring)
        ctx.body = ''
      }
    },
  })
  await page.goto(`${app.url}/sign-in`)
  // The first response sets a cookie, so no browser keeps it.
  for (let times = 0; times < 2; times += 1) {
    await page.goto(`${app.url}/notes`)
    await page.waitForFunction("document.querySelector('output').value === 'of Ann' && isSaved()")
  }
  const hold = (): Gate => {
    gate = new Gate()
    return gate
  }
  const goBack = async (): Promise<void> => {
    await page.evaluate('void setTimeout(() => history.back())')
    await page.waitForFunction("location.pathname === '/notes' && window.isShown")
  }
  const visit = async (): Promise<void> => {
    await page.evaluate("void setTimeout(() => { location.href = '/notes' })")
    await page.waitForFunction("location.pathname === '/notes' && window.isShown")
  }
  return { app, person, page, hold, loaded, prefetched, reports, goBack, visit, seen: () => page.evaluate('seen') }
}

describeInInstalled('threat 94: a restored page', () => {
  it.each([
    ['without a socket', false],
    ['with a socket', true],
  ])('hides Ann’s values after her sign-out, %s', async (_, hasSocket) => {
    const { app, page, hold, goBack, seen } = await start({ hasSocket })
    await page.goto(`${app.url}/sign-out`)
    const gate = hold()
    await goBack()
    await gate.entered
    expect(await seen()).toEqual(['nothing'])
    gate.open()
    await page.waitForFunction("visitors[0] === 'guest'")
    expect(await seen()).toEqual(['nothing'])
  })

  it.each([
    ['without a socket', false],
    ['with a socket', true],
  ])('shows Ann’s value only after the server names her, %s', async (_, hasSocket) => {
    const { app, page, hold, goBack, seen } = await start({ hasSocket })
    await page.goto(`${app.url}/about`)
    const gate = hold()
    await goBack()
    await gate.entered
    expect(await seen()).toEqual(['nothing'])
    gate.open()
    await page.waitForFunction("seen.at(-1) === 'of Ann'")
    expect([await seen(), await page.evaluate('visitors')]).toEqual([['nothing', 'of Ann'], []])
  })
})

describeInInstalled('threat 94: a page prefetched for Ann', () => {
  it('hides her values after her cookies are gone', async () => {
    const { app, person, page, hold, loaded, prefetched, visit, seen } = await start()
    await page.goto(`${app.url}/prefetch`)
    await prefetched.entered
    await person.clearCookies()
    const gate = hold()
    await visit()
    await gate.entered
    expect([loaded.length, await seen()]).toEqual([3, ['nothing']])
    gate.open()
    await page.waitForFunction("visitors[0] === 'guest'")
    expect(await seen()).toEqual(['nothing'])
  })

  it('is dropped from the cache at her sign-out', async () => {
    const { app, page, loaded, prefetched, visit } = await start()
    await page.goto(`${app.url}/prefetch`)
    await prefetched.entered
    await page.evaluate("fetch('/sign-out').then((response) => response.text())")
    await visit()
    expect(loaded).toEqual(['', '', 'prefetch', ''])
  })
})

describeInInstalled('threat 94: a page prerendered for Ann', () => {
  it.each([
    ['without a socket', false],
    ['with a socket', true],
  ])('hides her values after her cookies are gone, %s', async (_, hasSocket) => {
    const { app, person, page, hold, reports } = await start({ hasSocket })
    const prerendered = once(reports, '/prerendered')
    await page.goto(`${app.url}/prerender`)
    await prerendered
    await person.clearCookies()
    const gate = hold()
    const [activated, visitor] = [once(reports, '/activated'), once(reports, '/visitor')]
    await page.evaluate("void setTimeout(() => { location.href = '/notes' })")
    expect(await activated).toEqual(['nothing'])
    await gate.entered
    gate.open()
    expect(await visitor).toEqual(['guest,nothing'])
  })
})
