import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import session from 'koa-session'
import { Server } from 'socket.io'
import { fields, type SiteFields } from './fields.js'

const { SITE_FOLDER = '.', SITE_PAGE = 'page', SITE_SECRET = '' } = process.env
/** No image is needed, but Firefox asks for /favicon.ico and complains. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'"
const KEYS = ['division', 'theme', 'cart', 'role'] as const
const script = readFileSync(join(SITE_FOLDER, `${SITE_PAGE}.js`))

const app = new Koa({ keys: [SITE_SECRET] })
const account = session({ key: 'app' }, app)
// The tests' schedules click faster than people do, and look for lost changes, not for rate limits.
const limits = { changesPerSocket: 1000, changesPerVisitor: 1000 }
const live = liveSession<SiteFields>(app, { fields, limits, identify: (ctx) => ctx['session']?.user })

function page(ctx: Koa.Context, hasValues: boolean): string {
  const outputs = KEYS.map(
    (key) => `<p><output data-key="${key}"></output> <button data-next="${key}">${key}</button></p>`,
  )
  const forms = ['ann', 'bob'].map(
    (user) => `<form method="post" action="/sign-in"><button name="user" value="${user}">${user}</button></form>`,
  )
  const visitor = (hasValues && ctx.liveSession.visitorId) || ''
  return `<!doctype html><html lang="en" data-visitor="${visitor}"><title>site</title><output id="user">${ctx['session'].user ?? 'guest'}</output>
    ${outputs.join('')}${forms.join('')}<form method="post" action="/sign-out"><button id="sign-out">out</button></form>
    <a href="/other">other</a>${hasValues ? ctx.liveSession.embed() : ''}<script type="module" src="/page.js"></script></html>`
}

/** As if the browser had never had a cookie. */
function forget(ctx: Koa.Context): void {
  for (const name of ['live', 'live.sig']) ctx.cookies.set(name, null, { signed: false })
  ctx.body = {}
}

async function setValues(ctx: Koa.Context): Promise<void> {
  await ctx.liveSession.setMany(JSON.parse(await text(ctx.req)))
  ctx.body = {}
}

async function sign(ctx: Koa.Context, user?: string): Promise<void> {
  if (user === undefined) {
    ctx['session'] = null
    await ctx.liveSession.leave()
  } else {
    ctx['session'].user = user
    await ctx.liveSession.identify()
  }
  ctx.status = 303
  ctx.set('Location', '/')
}

async function getPage(ctx: Koa.Context): Promise<void> {
  ctx.body = page(ctx, ctx.path !== '/plain')
}

function getOther(ctx: Koa.Context): void {
  ctx.body = '<!doctype html><title>other</title><p id="other">another page</p>'
}

function getScript(ctx: Koa.Context): void {
  ctx.type = 'js'
  ctx.body = script
}

/** Sends text, because Firefox turns JSON into a page of its own. */
function getValues(ctx: Koa.Context): void {
  ctx.body = JSON.stringify(Object.fromEntries(KEYS.map((key) => [key, ctx.liveSession.get(key)])))
}

const routes: Readonly<Record<string, (ctx: Koa.Context) => unknown>> = {
  'GET /': getPage,
  'GET /no-socket': getPage,
  'GET /plain': getPage,
  'GET /other': getOther,
  'GET /page.js': getScript,
  'GET /values': getValues,
  'POST /set': setValues,
  'POST /forget': forget,
  'POST /sign-in': async (ctx) => {
    const user = new URLSearchParams(await text(ctx.req)).get('user')
    if (user === null) return ctx.throw(400, 'no user')
    await sign(ctx, user)
  },
  'POST /sign-out': (ctx) => sign(ctx),
}

app.use(account)
app.use(live.middleware())
app.use(async (ctx) => {
  ctx.set('Content-Security-Policy', POLICY)
  await routes[`${ctx.method} ${ctx.path}`]?.(ctx)
})

const http = createServer(app.callback())
live.attach(new Server(http, { serveClient: false }), { handshake: account })
// The process is loaded ahead, so that a restart takes no longer than to listen.
process.on('message', (port: number) => {
  http.listen(port, '127.0.0.1', () => process.send?.(http.address()))
})
process.on('disconnect', () => process.exit())
process.send?.('loaded')
