import type { ServerHttp2Stream } from 'node:http2'
import Router from '@koa/router'
import type Koa from 'koa'
import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import { isRecord, parseChanges, parseTickets } from '../../shared/parse.js'
import type { Awaitable } from '../../shared/promise.js'
import { MAX_BODY, type StoreAnswer, type WireChange } from '../../shared/protocol.js'
import { NEVER, type Stamp } from '../../shared/stamp.js'
import type { Core } from '../core.js'
import { isForm } from '../hand-off/posted-token.js'
import { sendOn } from '../hand-off/send-on.js'
import { redeem } from '../identity/redeem.js'
import type { UserSubject } from '../identity/subject.js'
import { superseded } from '../identity/superseded.js'
import type { Visitor, Vouched } from '../identity/visitor.js'
import { tellRefusal } from '../refused.js'
import { greetingOf } from '../values/greeting.js'
import { OvertakenError } from '../values/overtaken.js'
import { acceptChanges, applyChanges, type PageChange } from '../values/page-changes.js'
import type { Deed } from './answer-cookie.js'
import { readJson, tooLarge } from './body.js'
import { readable } from './cookie-text.js'
import { answerListed, isPreflight } from './cross-origin.js'
import type { Exchange } from './exchange.js'
import { checkOwnPost } from './origin.js'
import { findStray, hasLeft, StrayPageError } from './stray-page.js'

const READ_ALREADY =
  'koa-live-session: the body of a POST to the endpoint was read before live.middleware() ran: expected it in ctx.request.body, ' +
  'where parsers leave it. Put app.use(live.middleware()) before what reads it'

/** What a browser POSTs: tickets to store, and changes where it has no socket to send them over. */
interface Posted {
  readonly tickets: readonly string[]
  readonly set: readonly WireChange[]
  /** Hash of the subject whose changes they are. */
  readonly subject: string | undefined
  /** It brings nothing along, and asks whose page it is. */
  readonly isAsking: boolean
  /** It asks whether the page's browser id was given up. */
  readonly isDoubting: boolean
}

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
    const posted = parsePosted(await bodyOf(ctx))
    const user = await identify(ctx)
    await load(ctx, user)
    if (posted.subject === undefined) checkBrowser(core, ctx, user)
    else {
      const stray = findStray(core, ctx, user, posted.subject)
      if (stray) throw new StrayPageError(stray, await hasLeft(core, stray, posted.isDoubting))
    }
    ctx.body = await answer(core, begin(ctx, { user, revocations }), posted)
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
    const givenUp = error instanceof StrayPageError ? error.givenUp : undefined
    const newest = error instanceof OvertakenError ? error.newest : {}
    if (status === 413) endAfter(ctx)
    if (retryAfter !== undefined) ctx.set('Retry-After', String(retryAfter))
    ctx.status = status
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { error: { code, message, key, index, givenUp, ...newest } }
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

function parsePosted(body: unknown): Posted {
  if (!isRecord(body)) throw new LiveSessionError('malformed', 'expected { tickets?, set?, subject? }')
  const { tickets = [], set = [], subject, ...others } = body
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    throw new LiveSessionError('malformed', 'expected nothing besides tickets, set and subject')
  if (subject !== undefined && typeof subject !== 'string')
    throw new LiveSessionError('malformed', 'expected a subject')
  const members = Object.keys(body)
  return {
    subject,
    isAsking: members.length === 0,
    isDoubting: members.join() === 'subject',
    tickets: parseTickets(tickets),
    set: Array.isArray(set) && set.length === 0 ? [] : parseChanges(set),
  }
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

/** Everything is checked before anything is merged; tickets merge first, so that `set` meets what the browser has seen. */
async function answer(core: Core, exchange: Exchange, { tickets, set, isAsking }: Posted): Promise<StoreAnswer> {
  const { sessions, limits } = core
  const { visitor } = exchange
  // Not as changes, which have been counted when they were made, but for what it takes to verify them.
  limits.spendTickets(tickets, exchange.counted)
  if (set.length > 0) limits.spend(set.length, exchange.counted)
  else if (tickets.length === 0) limits.spendQuestion(exchange.counted)
  const changes = acceptChanges(sessions, set)
  const redemption = redeem(core, tickets, exchange)
  const permit = (): void => {
    if (exchange.isSuperseded) throw superseded()
  }
  if (set.length > 0) permit()
  const held = heldBy(core, exchange)
  exchange.does(deedOf(exchange, set, isAsking))
  const counts = redemption.merge()
  const asker = { owner: visitor, source: 'request' as const, permit }
  const stamp = changes.length > 0 ? await applyChanges(core, changes, asker) : undefined
  const written = stamp !== undefined && { stamp, ticket: ticketOf(core, visitor, changes) }
  const cookieless = exchange.isCookieless ? { cookieless: true as const } : {}
  const greeting = isAsking ? greetingFor(core, exchange) : {}
  const { stored, unsaved } = await outsideCookie(core, visitor)
  const unsavedKeys = unsaved.length === 0 ? {} : { unsaved }
  return { ...counts, held: [...held, ...stored], ...unsavedKeys, ...cookieless, ...greeting, ...written }
}

/** Tickets alone bring no cookie in place of one that was given up: they may be late, and the cookie that of who came after. */
function deedOf({ cookie }: Exchange, set: readonly WireChange[], isAsking: boolean): Deed {
  if (isAsking || cookie) return 'renews'
  return set.length > 0 ? 'sets' : 'shows'
}

/** Whose page it is, and all that it may read. */
function greetingFor(core: Core, { cookie, name, visitor }: Exchange): Pick<StoreAnswer, 'ticket' | 'more'> {
  if (cookie) core.freshness.absorb(cookie, visitor)
  const [ticket, more] = greetingOf(core, visitor, name)
  return { ...(ticket === undefined ? {} : { ticket }), ...(more === undefined ? {} : { more }) }
}

/**
 * What no cookie will ever show, as it is kept out of it: what of it the store has, and of which keys it has not the newest write. For
 * those no page need wait.
 */
async function outsideCookie(
  { sessions, store }: Core,
  visitor: Visitor,
): Promise<{ readonly stored: StoreAnswer['held']; readonly unsaved: readonly string[] }> {
  const stampOf = (field: Field): Stamp => sessions.find(visitor.subject(field))?.stamp(field.key) ?? NEVER
  const fields = [...sessions.fields.values()].filter((field) => {
    return !field.inCookie && field.access !== 'hidden' && stampOf(field) !== NEVER
  })
  const subjects = store ? [...new Set(fields.map((field) => visitor.subject(field)))] : []
  const registers = (await Promise.all(subjects.map(async (subject) => (await store?.stored(subject)) ?? []))).flat()
  // A field has but one subject.
  const stored = registers.flatMap(({ key, stamp }): StoreAnswer['held'] => {
    return fields.some((field) => field.key === key) ? [[key, stamp]] : []
  })
  const isStored = (field: Field): boolean =>
    stored.some(([key, stamp]) => key === field.key && stamp >= stampOf(field))
  const missing = fields.filter((field) => !isStored(field))
  for (const field of missing) store?.deny(visitor.subject(field), field)
  return { stored, unsaved: missing.map(({ key }) => key) }
}

/** What the request's own cookie had: the browser's proof that it keeps what it is given. */
function heldBy({ sessions }: Core, { cookie }: Exchange): StoreAnswer['held'] {
  const isReadable = (key: string): boolean => (sessions.fields.get(key)?.access ?? 'hidden') !== 'hidden'
  return (cookie?.registers ?? []).filter(({ key }) => isReadable(key)).map(({ key, stamp }) => [key, stamp])
}

/** A ticket of what was just set, for one subject: what was set for another comes over the socket, or with the cookie. */
function ticketOf({ sessions, dispatch }: Core, visitor: Visitor, changes: readonly PageChange[]): string {
  const subject = visitor.subject(changes[0]?.field)
  const keys = new Set(changes.filter(({ field }) => visitor.subject(field) === subject).map(({ field }) => field.key))
  const registers = (sessions.find(subject)?.registers() ?? []).filter(({ key }) => keys.has(key))
  return dispatch.ticket(subject, registers)
}
