import type { ServerHttp2Stream } from 'node:http2'
import Router from '@koa/router'
import type Koa from 'koa'
import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import { isRecord, parseChanges, parseTickets } from '../../shared/parse.js'
import type { Awaitable } from '../../shared/promise.js'
import { MAX_BODY, type StoreAnswer, type WireChange } from '../../shared/protocol.js'
import type { Core } from '../core.js'
import { redeem } from '../identity/redeem.js'
import { browserSubject, type Subject, subjectHash } from '../identity/subject.js'
import { acceptRemote, applyRemote, type RemoteChange } from '../values/remote.js'
import type { SubjectOf } from '../values/sessions.js'
import { readJson, tooLarge } from './body.js'
import { greetingOf, offerOf } from './greeting.js'
import { describeBadOrigin, isOwnPost, originClaims } from './origin.js'
import type { Visit, Vouched } from './visit.js'

/** What a browser POSTs: tickets to store, and changes where it has no socket to send them over. */
interface Posted {
  readonly tickets: readonly string[]
  readonly set: readonly WireChange[]
  /** Hash of the subject whose changes they are. */
  readonly subject: string | undefined
  /** It brings nothing along, and asks whose page it is. */
  readonly isAsking: boolean
}

/** What the endpoint asks of the plugin. */
interface Recognition {
  identify(ctx: Koa.Context): Awaitable<Subject | undefined>
  visit(ctx: Koa.Context, vouched: Vouched): Visit
}

/** `POST /store_session`: takes what a socket changed, or what it could not, and answers with the cookie. */
export function createEndpoint(core: Core, { identify, visit }: Recognition): Koa.Middleware {
  const { endpoint, origins } = core.settings
  const router = new Router()
  router.all(endpoint, refuse, async (ctx) => {
    // A body can take its time, while its user signs out.
    const since = core.epochs.revocations
    if (ctx.method !== 'POST') {
      ctx.set('Allow', 'POST')
      throw new LiveSessionError('malformed', `expected POST, received ${ctx.method}`, { status: 405 })
    }
    const claims = originClaims(ctx)
    if (!isOwnPost(claims, origins)) {
      core.warn(describeBadOrigin(claims))
      throw new LiveSessionError('bad_origin', 'this page may not post here')
    }
    // A form on another site can send what looks like JSON, but not call it so.
    if (!isJson(ctx) || ctx.get('Content-Encoding') !== '')
      throw new LiveSessionError('malformed', 'expected plain JSON', { status: 415 })
    const posted = parsePosted(await bodyOf(ctx))
    const user = await identify(ctx)
    if (posted.subject !== undefined) checkPage(core, ctx, user, posted.subject)
    ctx.body = answer(core, visit(ctx, { user, since }), posted)
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

/** The body, which an app's own parser may have read already. */
async function bodyOf(ctx: Koa.Context): Promise<unknown> {
  const { body } = ctx.request as { readonly body?: unknown }
  if (Number(ctx.request.length) > MAX_BODY) throw tooLarge()
  return body === undefined ? await readJson(ctx.req) : body
}

function parsePosted(body: unknown): Posted {
  if (!isRecord(body)) throw new LiveSessionError('malformed', 'expected { tickets?, set?, subject? }')
  const { tickets, set, subject, ...others } = body
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    throw new LiveSessionError('malformed', 'expected nothing besides tickets, set and subject')
  if (subject !== undefined && typeof subject !== 'string')
    throw new LiveSessionError('malformed', 'expected a subject')
  return {
    subject,
    isAsking: Object.keys(body).length === 0,
    tickets: tickets === undefined ? [] : parseTickets(tickets),
    set: set === undefined || isEmpty(set) ? [] : parseChanges(set),
  }
}

function isEmpty(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0
}

/**
 * A page that says whose it is gets no new id: its POST may have been held back until another person uses the browser, and its
 * answer would replace that one's cookie. Checked before an id is given up, as a refusal brings no other for it.
 */
function checkPage({ cookie, identities }: Core, ctx: Koa.Context, user: Subject | undefined, page: string): void {
  const read = cookie.read(ctx.req.headers.cookie, user)
  if (!read || read.isNewer || identities.greet(read, user).cookie) return
  const isUsers = user !== undefined && subjectHash(user) === page
  if (!isUsers || !identities.follows(read, user)) throw otherSubject()
}

/** Everything is checked before anything is merged; tickets merge first, so that `set` meets what the browser has seen. */
function answer(core: Core, visit: Visit, { tickets, set, subject: expected, isAsking }: Posted): StoreAnswer {
  const { sessions, connections, limits } = core
  const subject = visit.visitor.subject()
  // Not as changes, which have been counted when they were made, but for what it takes to verify them.
  limits.spendTickets(tickets, subject)
  if (set.length > 0) limits.spend(set.length, subject)
  const changes = acceptRemote(sessions, set)
  const redemption = redeem(core, tickets, visit)
  const { newBrowser } = redemption
  const adoptable = newBrowser === undefined ? undefined : browserSubject(newBrowser)
  const { user } = visit.visitor
  const posting = user === undefined ? [subject, adoptable] : [subject]
  // What one visitor set before another one signed in is not for the other one: the page was told whose it was.
  if (expected !== undefined && !posting.some((one) => one !== undefined && subjectHash(one) === expected))
    throw refusalOf(visit)
  const held = heldBy(core, visit)
  // A visitor who has signed in since that id was made gets another one, as at every sign-in.
  const sockets = adoptable === undefined ? [] : connections.of(adoptable)
  const isTheirs = sockets.every(({ greeted }) => greeted.visitor.user === user) && (!user || sockets.length > 0)
  const visitor = visit.remember(isTheirs ? newBrowser : undefined)
  const counts = redemption.merge(visitor)
  const owner = redemption.isMoved(visitor) ? { subject: subjectHash(visitor.subject() ?? '') } : {}
  // Its sockets go by an id that this browser did not take: they come back under the one it has.
  if (adoptable !== undefined && newBrowser !== visitor.browser) visit.end([adoptable])
  const subjectOf = (field: Field): Subject => visitor.subject(field) ?? ''
  const stamp = changes.length === 0 ? undefined : applyRemote(sessions, changes, subjectOf, 'request')
  visit.does('renews')
  const greeting = isAsking ? greetingOf(core, visit) : {}
  const known = { ...counts, held, ...owner, ...unsaved(core, subjectOf), ...greeting }
  return stamp === undefined ? known : { ...known, stamp, ticket: ticketOf(core, visit, changes, subjectOf) }
}

/** Why a page that says whose it is may not post here. A browser without any cookie may be that page's own. */
function refusalOf({ isCookieless, visitor }: Visit): LiveSessionError {
  if (isCookieless && visitor.user === undefined)
    return new LiveSessionError('cookies_blocked', 'the browser has sent no cookie')
  return otherSubject()
}

function otherSubject(): LiveSessionError {
  return new LiveSessionError('other_subject', 'the page is another visitor’s')
}

/** What no cookie will ever show, as it is kept out of it, and what no store keeps: no page need wait for that. */
function unsaved({ sessions }: Core, subjectOf: SubjectOf): Pick<StoreAnswer, 'unsaved'> {
  const isUnsaved = (field: Field): boolean =>
    !field.inCookie && field.access !== 'hidden' && sessions.find(subjectOf(field))?.source(field.key) !== undefined
  const keys = [...sessions.fields.values()].filter(isUnsaved).map(({ key }) => key)
  return keys.length === 0 ? {} : { unsaved: keys }
}

/** What the request's own cookie had: the browser's proof that it keeps what it is given. */
function heldBy({ sessions }: Core, { cookie }: Visit): StoreAnswer['held'] {
  const isReadable = (key: string): boolean => (sessions.fields.get(key)?.access ?? 'hidden') !== 'hidden'
  return (cookie?.registers ?? []).filter(({ key }) => isReadable(key)).map(({ key, stamp }) => [key, stamp])
}

/** A ticket of what was just set. It is of one subject: what was set for another comes over the socket, or with the cookie. */
function ticketOf(core: Core, visit: Visit, changes: readonly RemoteChange[], subjectOf: SubjectOf): string {
  const { sessions, dispatch } = core
  const subjects = changes.map(({ field }) => subjectOf(field))
  const [subject = ''] = subjects
  const keys = new Set(changes.filter((_, index) => subjects[index] === subject).map(({ field }) => field.key))
  const registers = (sessions.find(subject)?.registers() ?? []).filter(({ key }) => keys.has(key))
  const offer = offerOf(visit, subject)
  const { user } = visit.visitor
  const owner = user === undefined || subject === user ? {} : { owner: subjectHash(user) }
  return dispatch.ticket({ subject, sub: subjectHash(subject), offer }, registers, owner)
}
