import type { ServerHttp2Stream } from 'node:http2'
import Router from '@koa/router'
import type Koa from 'koa'
import { LiveSessionError } from '../../shared/errors.js'
import { isQuestion, parseSync, type Wanted } from '../../shared/parse.js'
import type { Awaitable } from '../../shared/promise.js'
import { MAX_BODY, type SyncAnswer } from '../../shared/protocol.js'
import type { Core } from '../core.js'
import { isForm } from '../hand-off/posted-token.js'
import { sendOn } from '../hand-off/send-on.js'
import type { UserSubject } from '../identity/subject.js'
import { superseded } from '../identity/superseded.js'
import type { Vouched } from '../identity/visitor.js'
import { whoseIs } from '../identity/who.js'
import { countedAs } from '../limits/limits.js'
import { tellRefusal } from '../refused.js'
import { heldElsewhere } from '../values/held.js'
import { dropped, type Side, sync } from '../values/sync.js'
import type { Deed } from './answer-cookie.js'
import { readJson, tooLarge } from './body.js'
import { readable } from './cookie-text.js'
import { answerListed, isPreflight } from './cross-origin.js'
import type { Exchange } from './exchange.js'
import { checkOwnPost } from './origin.js'

const READ_ALREADY =
  'koa-live-session: the body of a POST to the endpoint was read before live.middleware() ran: expected it in ctx.request.body, ' +
  'where parsers leave it. Put app.use(live.middleware()) before what reads it'

/** What the endpoint asks of the plugin. */
interface Recognition {
  identify(ctx: Koa.Context): Awaitable<UserSubject | undefined>
  /** Has what a store knows of the visitor in memory. */
  load(ctx: Koa.Context, user: UserSubject | undefined): Awaitable<unknown>
  begin(ctx: Koa.Context, vouched: Vouched): Exchange
}

/** `POST /store_session`: takes what a socket changed, or what it could not, and answers with the cookie. */
export function createEndpoint(core: Core, { identify, load, begin }: Recognition): Koa.Middleware {
  const router = new Router()
  router.all(core.settings.endpoint, answerListed(core), refuse, async (ctx) => {
    // A body can take its time, while its user signs out.
    const { revocations } = core.epochs
    if (ctx.method === 'POST' || isPreflight(ctx)) checkOwnPost(core, ctx)
    if (ctx.method !== 'POST') {
      ctx.set('Allow', 'POST')
      throw new LiveSessionError('malformed', `expected POST, received ${ctx.method}`, { status: 405 })
    }
    if (isForm(ctx) && (await sendOn(core, ctx, identify))) return
    // A form on another site can send what looks like JSON, but not call it so.
    if (!isJson(ctx) || ctx.get('Content-Encoding') !== '')
      throw new LiveSessionError('malformed', 'expected plain JSON', { status: 415 })
    const wanted = parseSync(await bodyOf(ctx))
    const user = await identify(ctx)
    await load(ctx, user)
    if (wanted.who === undefined) checkBrowser(core, ctx, user)
    ctx.body =
      answerStray(core, ctx, user, wanted) ?? (await answer(core, ctx, begin(ctx, { user, revocations }), wanted))
  })
  // The router adds `params` and `router` to the context itself.
  return router.routes() as Koa.Middleware
}

/** `ctx.is()` would need a body's length, which a POST over HTTP/2 need not say. */
function isJson({ request }: Koa.Context): boolean {
  return request.type.trim().toLowerCase() === 'application/json'
}

/** Answers a refusal with its code. */
async function refuse(ctx: Koa.Context, next: Koa.Next): Promise<void> {
  try {
    await next()
  } catch (error) {
    if (!(error instanceof LiveSessionError)) throw error
    tellRefusal(ctx.app, 'request', error)
    const { code, message, key, index, status, retryAfter } = error
    if (status === 413) endAfter(ctx)
    if (retryAfter !== undefined) ctx.set('Retry-After', String(retryAfter))
    ctx.status = status
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { error: { code, message, key, index } }
  }
}

/** What of the body is left unread must not be taken for the next request, nor be waited for. */
function endAfter({ res }: Koa.Context): void {
  const { stream } = res as { readonly stream?: ServerHttp2Stream }
  // Requests share an HTTP/2 connection, where the header is forbidden: only this one's stream ends.
  if (stream) stream.once('finish', () => stream.close())
  else res.setHeader('Connection', 'close')
}

/**
 * The body, which an app's own parser may have read already. One that has left it unread, as it is for forms alone, has put
 * something in its place all the same.
 *
 * @throws {TypeError} where it was read and is gone: no page could save anything
 */
async function bodyOf(ctx: Koa.Context): Promise<unknown> {
  const { body } = ctx.request as { readonly body?: unknown }
  if (Number(ctx.request.length) > MAX_BODY) throw tooLarge()
  if (!ctx.req.readableDidRead) return await readJson(ctx.req)
  if (body === undefined) throw new TypeError(READ_ALREADY)
  return body
}

/** Where an answer that is not out yet brings the browser another cookie, one of this POST could come after it, and replace it. */
function checkBrowser(
  { cookie, departures, disagreements }: Core,
  ctx: Koa.Context,
  user: UserSubject | undefined,
): void {
  const read = readable(cookie.read(ctx.req.headers.cookie, user))
  if (!read) return
  disagreements.ask(read.browserSubject, user)
  if (!departures.isUnderWay(read.browserSubject)) return
  throw new LiveSessionError('rate_limited', 'the browser is about to get another cookie', { retryAfter: 1 })
}

/**
 * Where the page is not of the visitor whose cookie its POST brings, it is told whose that is. To be asked before an id is given up:
 * the POST may have been held back until another person uses the browser, and whatever cookie it brought would replace that one's.
 */
function answerStray(
  core: Core,
  ctx: Koa.Context,
  user: UserSubject | undefined,
  { who }: Wanted,
): SyncAnswer | undefined {
  if (who === undefined) return undefined
  const whose = whoseIs(core, ctx, core.identities.find(core.cookie.read(ctx.req.headers.cookie, user), user))
  if (whose.isKept && whose.who === who) return undefined
  ctx.set('Cache-Control', 'no-store')
  // The question that follows is counted.
  if (!whose.isKept) return { dropped: true, results: [], held: [] }
  core.limits.spendQuestion(countedAs(whose))
  return dropped(core, whose)
}

async function answer(core: Core, ctx: Koa.Context, exchange: Exchange, wanted: Wanted): Promise<SyncAnswer> {
  if (isQuestion(wanted)) core.limits.spendQuestion(exchange.counted)
  const side: Side = {
    whose: exchange,
    source: 'request',
    permit: () => {
      if (exchange.isSuperseded) throw superseded()
    },
    confirm: (level) => level,
    refuse: (error) => tellRefusal(ctx.app, 'request', error),
    begin: () => exchange.does(deedOf(exchange, wanted)),
    heldElsewhere: () => heldElsewhere(core, exchange.visitor),
  }
  // Only a question is counted as one, and greeted.
  return await sync(core, wanted, side, wanted.who !== undefined || !isQuestion(wanted))
}

/** Tickets alone bring no cookie in place of one that was given up: they may be late, and the cookie that of who came after. */
function deedOf({ cookie }: Exchange, wanted: Wanted): Deed {
  if (cookie || isQuestion(wanted)) return 'renews'
  return wanted.set.length > 0 ? 'sets' : 'shows'
}
