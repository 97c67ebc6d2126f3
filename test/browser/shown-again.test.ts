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

const html = (embedded: string): string =>
  `<!doctype html><output></output>${embedded}<script type="module" src="/browser.js"></script>`

const scriptFor = (hasSocket: boolean): string => `
  import { createLiveSession } from 'koa-live-session/client'
  import { io } from 'socket.io-client'
  const live = createLiveSession({ ${hasSocket ? 'socket: io()' : ''} })
  const output = document.querySelector('output')
  window.visitors = []
  window.seen = []
  window.heard = []
  window.live = live
  window.isSaved = () => live.status('note').status === 'saved'
  live.onVisitor(({ kind }) => visitors.push(kind))
  live.subscribe('note', (note) => { output.value = note; seen.push(note); heard.push(note) })
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
 * Opens Ann's page at `/notes`. After `hold()`, the server answers neither POSTs nor handshakes until the gate opens. After a sign-in at
 * `/sign-in?bob`, the visitor is Bob. The page of `/sign-out` has our client, the page of `/sign-out?bare` has not.
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
        ctx.cookies.set('user', ctx.querystring || 'ann', { signed: false })
        await ctx.liveSession.identify()
        await ctx.liveSession.set('note', ctx.querystring ? 'of Bob' : 'of Ann')
        ctx.body = 'signed in'
      } else if (ctx.path === '/sign-out') {
        ctx.cookies.set('user', null)
        await ctx.liveSession.leave({ forget: true })
        ctx.body = ctx.querystring ? 'signed out' : html(ctx.liveSession.embed())
      } else if (ctx.path === '/notes') {
        const purpose = ctx.get('Sec-Purpose')
        loaded.push(purpose)
        if (purpose) ctx.res.once('finish', () => void prefetched.pass())
        ctx.body = html(ctx.liveSession.embed())
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
  const goBack = async (steps = 1): Promise<void> => {
    await page.evaluate(`void setTimeout(() => history.go(-${steps}))`)
    await page.waitForFunction("location.pathname === '/notes' && window.isShown")
  }
  const visit = async (): Promise<void> => {
    await page.evaluate("void setTimeout(() => { location.href = '/notes' })")
    await page.waitForFunction("location.pathname === '/notes' && window.isShown")
  }
  return {
    app,
    person,
    page,
    hold,
    loaded,
    prefetched,
    reports,
    goBack,
    visit,
    seen: () => page.evaluate('seen') as Promise<string[]>,
    heard: () => page.evaluate('heard') as Promise<string[]>,
  }
}

const ITEM = 'live-session:/store_session'
const SOCKETS: readonly [string, boolean][] = [
  ['without a socket', false],
  ['with a socket', true],
]

describeInInstalled('threat 94: a restored page', () => {
  it.each(SOCKETS)('hides Ann’s values after her sign-out, %s', async (_, hasSocket) => {
    const { app, page, hold, goBack, seen } = await start({ hasSocket })
    await page.goto(`${app.url}/sign-out`)
    await page.waitForFunction('heard.length')
    const gate = hold()
    await goBack()
    await gate.entered
    expect(await seen()).toEqual(['nothing'])
    gate.open()
    await page.waitForFunction("visitors[0] === 'guest'")
    expect(await seen()).toEqual(['nothing'])
  })

  it('hides Ann’s values after her sign-out to a page without our client, as her socket is told', async () => {
    const { app, page, hold, goBack, seen } = await start({ hasSocket: true })
    await page.goto(`${app.url}/sign-out?bare`)
    const gate = hold()
    await goBack()
    await gate.entered
    expect(await seen()).toEqual(['nothing'])
    gate.open()
    await page.waitForFunction("visitors[0] === 'guest'")
  })

  // Not promised: docs/security.md.
  it('shows Ann’s values until the answer, if no page with our client learns of her sign-out', async () => {
    const { app, page, hold, goBack, seen } = await start()
    await page.goto(`${app.url}/sign-out?bare`)
    const gate = hold()
    await goBack()
    await gate.entered
    expect(await seen()).toEqual(['of Ann'])
    gate.open()
    await page.waitForFunction("visitors[0] === 'guest'")
    expect(await seen()).toEqual(['of Ann', 'nothing'])
  })

  it.each(SOCKETS)('hides Ann’s values after Bob’s sign-in, %s', async (_, hasSocket) => {
    const { app, page, hold, goBack, seen } = await start({ hasSocket })
    await page.goto(`${app.url}/sign-out?bare`)
    await page.goto(`${app.url}/sign-in?bob`)
    await page.goto(`${app.url}/notes?bob`)
    await page.waitForFunction("heard.at(-1) === 'of Bob'")
    const gate = hold()
    await goBack(3)
    await gate.entered
    expect(await seen()).toEqual(['nothing'])
    gate.open()
    await page.waitForFunction("seen.at(-1) === 'of Bob'")
    expect(await seen()).toEqual(['nothing', 'of Bob'])
  })

  it.each(SOCKETS)(
    'shows Ann’s value at once as long as the browser’s last proved visitor is Ann, %s',
    async (_, hasSocket) => {
      const { app, page, hold, goBack, heard } = await start({ hasSocket })
      await page.goto(`${app.url}/about`)
      const gate = hold()
      await goBack()
      await gate.entered
      expect(await page.evaluate("[live.get('note'), live.status('note').status]")).toEqual(['of Ann', 'saved'])
      gate.open()
      await page.evaluate("live.set('note', 'of Ann again')")
      expect([...new Set(await heard()), await page.evaluate('visitors')]).toEqual(['of Ann', 'of Ann again', []])
    },
  )

  it.each(SOCKETS)('keeps Ann’s value without a network, %s', async (_, hasSocket) => {
    const { app, page, goBack, heard } = await start({ hasSocket })
    await page.goto(`${app.url}/about`)
    await page.setOfflineMode(true)
    await goBack()
    await page.evaluate("void live.set('note', live.get('note') + ', at sea')")
    await page.waitForFunction("live.status('note').status === 'offline'")
    await page.setOfflineMode(false)
    await page.waitForFunction('isSaved()')
    expect([...new Set(await heard())]).toEqual(['of Ann', 'of Ann, at sea'])
  })

  it('shows the changes that a later page left without a network', async () => {
    const { app, page, goBack } = await start()
    await page.goto(`${app.url}/notes?later`)
    await page.waitForFunction('isSaved()')
    await page.setOfflineMode(true)
    await page.evaluate("void live.set('note', 'later')")
    await goBack()
    expect(await page.evaluate("live.get('note')")).toBe('later')
    await page.setOfflineMode(false)
    await page.waitForFunction('isSaved()')
  })

  it.each([
    ['planted', `localStorage.setItem('${ITEM}', 'x')`],
    ['removed', `localStorage.removeItem('${ITEM}')`],
  ])('hides Ann’s value until the answer if the stored visitor is %s', async (_, act) => {
    const { app, page, hold, goBack, seen } = await start()
    await page.evaluate(act)
    await page.goto(`${app.url}/about`)
    const gate = hold()
    await goBack()
    await gate.entered
    expect(await seen()).toEqual(['nothing'])
    gate.open()
    await page.waitForFunction("seen.at(-1) === 'of Ann'")
    expect(await page.evaluate(`localStorage['${ITEM}']`)).toMatch(/^[\w-]{22}$/)
  })

  it('hides Ann’s value until the answer if the browser denies storage', async () => {
    const { app, page, hold, goBack, seen } = await start()
    const denied = "Object.defineProperty(window, 'localStorage', { get: () => { throw new DOMException('denied') } })"
    await page.evaluateOnNewDocument(denied)
    await page.goto(`${app.url}/notes`)
    await page.waitForFunction('isSaved()')
    await page.goto(`${app.url}/about`)
    const gate = hold()
    await goBack()
    await gate.entered
    expect(await seen()).toEqual(['nothing'])
    gate.open()
    await page.waitForFunction("seen.at(-1) === 'of Ann'")
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
    // Subscribers hear of no value before the page knows its visitor.
    expect([loaded.length, await seen(), await page.evaluate('live.status().status')]).toEqual([3, [''], 'unknown'])
    gate.open()
    await page.waitForFunction("visitors[0] === 'guest'")
    expect(await seen()).toEqual(['', 'nothing'])
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
    expect(await activated).toEqual([''])
    await gate.entered
    gate.open()
    expect(await visitor).toEqual(['guest,'])
  })
})
