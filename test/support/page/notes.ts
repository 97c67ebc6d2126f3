import { EventEmitter } from 'node:events'
import type { LiveSessionOptions } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import type { Page } from 'puppeteer-core'
import { z } from 'zod'
import { App } from '../app/app.js'
import { Gate } from '../app/gate.js'
import { openBrowser } from './browser.js'
import { pageScript } from './page-script.js'

/** The item with the `who` that a page has proved. */
export const STORED_WHO = 'live-session:/store_session'

/** What an open page shows, as an expression there. */
export const STATE = "[live.get('note'), live.status().status]"
/** The state of a page that does not know its visitor. */
export const HIDDEN: readonly string[] = ['nothing', 'unknown']

export const WITH_AND_WITHOUT_SOCKET: readonly [string, boolean][] = [
  ['without a socket', false],
  ['with a socket', true],
]

/** Three ways to sign out, as paths of the app. */
export const SIGN_OUTS: readonly (readonly [path: string, how: string, hasSocket: boolean])[] = [
  '/sign-out',
  '/leave',
  '/forget',
].flatMap((path) => WITH_AND_WITHOUT_SOCKET.map(([how, hasSocket]) => [path, how, hasSocket] as const))

const fields = defineFields({ note: { schema: z.string(), default: 'nothing', client: 'write' } })
const menuFor = (how: 'prefetch' | 'prerender'): string =>
  `<script type="speculationrules">{"${how}":[{"urls":["/notes"],"eagerness":"immediate"}]}</script>`

const html = (embedded: string): string =>
  `<!doctype html><output></output>${embedded}<script type="module" src="/browser.js"></script>`

const scriptFor = (hasSocket: boolean): string => `
  import { createLiveSession } from 'koa-live-session/client'
  import { io } from 'socket.io-client'
  window.socket = ${hasSocket ? 'io()' : undefined}
  const live = createLiveSession({ socket })
  const output = document.querySelector('output')
  window.visitors = []
  window.seen = []
  window.heard = []
  window.live = live
  window.isSaved = () => live.status('note').status === 'saved'
  live.onVisitor(({ kind }) => visitors.push(kind))
  live.onChange(({ value }) => heard.push(value))
  live.subscribe('note', (note) => { output.value = note; seen.push(note); heard.push(note) })
  addEventListener('pageshow', () => { seen.splice(0, Infinity, output.value); window.isShown = true })
  addEventListener('pagehide', () => { window.isShown = false })
  if (document.prerendering) {
    fetch('/prerendered')
    document.addEventListener('prerenderingchange', () => {
      seen.splice(0, Infinity, output.value)
      fetch('/activated?' + seen)
      const report = () => fetch('/stored?' + localStorage['${STORED_WHO}'])
      report()
      live.ready.then(report)
    })
    live.onVisitor(({ kind }) => fetch('/visitor?' + [kind, ...seen]))
  }`

interface Given {
  readonly hasSocket?: boolean
  /** The browser. @default 'Chromium' */
  readonly name?: string
  /** @default '127.0.0.1' */
  readonly host?: string
  readonly options?: Partial<LiveSessionOptions<typeof fields>>
}

/**
 * Opens Ann's page at `/notes`. After `hold()`, the server answers neither POSTs nor handshakes until the gate opens. After a sign-in at
 * `/sign-in?bob`, the visitor is Bob. The pages of `/forget`, `/leave` and `/sign-out` have our client, unless the query is `bare`.
 */
export async function startNotes({ hasSocket = false, name = 'Chromium', host = '127.0.0.1', options }: Given = {}) {
  const person = await openBrowser({ name })
  const page = await person.newPage()
  const script = pageScript(scriptFor(hasSocket))
  let gate: Gate | undefined
  const prefetched = new Gate()
  /** The pages' reports, by path. */
  const reports = new EventEmitter()
  const loaded: string[] = []
  /** The app's own session, which ends before the browser has the response. */
  let signedIn: string | undefined
  const app = await App.start({
    fields,
    options: {
      identify: ({ cookies, state }) =>
        (state['user'] ?? cookies.get('user', { signed: false })) === signedIn ? signedIn : undefined,
      ...options,
    },
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
        signedIn = ctx.querystring || 'ann'
        ctx.state['user'] = signedIn
        ctx.cookies.set('user', signedIn, { signed: false })
        await ctx.liveSession.identify()
        await ctx.liveSession.set('note', ctx.querystring ? 'of Bob' : 'of Ann')
        ctx.body = 'signed in'
      } else if (['/forget', '/leave', '/sign-out'].includes(ctx.path)) {
        signedIn = undefined
        ctx.cookies.set('user', null)
        if (ctx.path === '/sign-out') await ctx.liveSession.identify()
        else await ctx.liveSession.leave({ forget: ctx.path === '/forget' })
        ctx.body = ctx.querystring ? 'signed out' : html(ctx.liveSession.embed())
      } else if (ctx.path === '/notes') {
        const purpose = ctx.get('Sec-Purpose')
        loaded.push(purpose)
        if (purpose) ctx.res.once('finish', () => void prefetched.pass())
        if (ctx.querystring === 'cached') ctx.set('Cache-Control', 'max-age=600')
        ctx.body = html(ctx.liveSession.embed())
      } else if (ctx.path === '/clear-cookies') {
        ctx.set('Clear-Site-Data', '"cookies"')
        ctx.body = 'cleared'
      } else if (ctx.path === '/prefetch' || ctx.path === '/prerender') {
        ctx.body = menuFor(ctx.path === '/prefetch' ? 'prefetch' : 'prerender')
      } else {
        reports.emit(ctx.path, ctx.querystring)
        ctx.body = ''
      }
    },
  })
  let connections = 0
  app.io.on('connection', () => {
    connections += 1
  })
  const url = `http://${host}:${app.port}`
  await page.goto(`${url}/sign-in`)
  // The first response sets a cookie, so no browser keeps it.
  for (let times = 0; times < 2; times += 1) {
    await page.goto(`${url}/notes`)
    // The values of the HTML are saved before the socket connects, which tests count.
    await page.waitForFunction(
      "document.querySelector('output').value === 'of Ann' && isSaved() && (socket?.connected ?? true)",
    )
  }
  const hold = (): Gate => {
    gate = new Gate()
    return gate
  }
  const goBack = async (steps = 1): Promise<void> => {
    await page.evaluate(`void setTimeout(() => history.go(-${steps}))`)
    await page.waitForFunction("location.pathname === '/notes' && window.isShown")
  }
  /** Goes back while the server answers nothing. Resolves when the page has asked. */
  const goBackUnanswered = async (steps?: number): Promise<Gate> => {
    const held = hold()
    await goBack(steps)
    await held.entered
    return held
  }
  const visit = async (query = ''): Promise<void> => {
    await page.evaluate(`void setTimeout(() => { location.href = '/notes${query}' })`)
    await page.waitForFunction("location.pathname === '/notes' && window.isShown")
  }
  return {
    app,
    url,
    person,
    page,
    hold,
    loaded,
    prefetched,
    reports,
    goBack,
    goBackUnanswered,
    visit,
    connections: () => connections,
    /** Opens another tab. */
    open: (path: string): Promise<Page> => person.open(url + path),
    seen: () => page.evaluate('seen') as Promise<string[]>,
    heard: () => page.evaluate('heard') as Promise<string[]>,
  }
}
