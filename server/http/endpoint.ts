// Decides which POSTs the endpoint accepts, and answers them.

import type { ServerHttp2Stream } from 'node:http2'
import Router from '@koa/router'
import type Koa from 'koa'
import { LiveSessionError } from '../../shared/errors.js'
import { isQuestion, type ParsedMessage, parseMessage } from '../../shared/parse.js'
import type { PageAnswer } from '../../shared/protocol.js'
import { readable, type VerifiedCookie } from '../cookie/content.js'
import { visitorLeft } from '../ends/validity.js'
import type { ExchangeContext } from '../exchange/exchange.js'
import { refusalOf } from '../exchange/refusal.js'
import type { PageIdentity } from '../identity/identified.js'
import type { Parts } from '../parts.js'
import type { Visitor } from '../subjects/visitor.js'
import { readBody } from './body.js'
import { answerListed, checkOwnPost, isPreflight } from './origin.js'
import type { BeginVisit, RequestHandles } from './request-handles.js'
import { endOf, setExtension } from './session-end.js'
import type { Visit } from './visit.js'

type Visiting = 'arrivals' | 'endings' | 'identifyChecks' | 'pageIdentities'
type Answering = 'exchange' | 'features' | 'limits' | 'memory' | 'values'
interface PostParts extends Pick<Parts, 'settings' | Visiting | Answering> {
  readonly begin: BeginVisit
  readonly handles: RequestHandles
}

/** Creates `POST /store_session`: merges a page's tickets, applies its changes, and responds with the cookie. */
export function createEndpoint(parts: PostParts): Koa.Middleware {
  const router = new Router()
  const refusing: Koa.Middleware = (ctx, next) => refuse(parts, ctx, next)
  router.all(parts.settings.endpoint, ...answerListed(parts.settings), refusing, async (ctx) => {
    // Reads the revision first, because the user may sign out while the body arrives.
    const { arrivals } = parts
    const { revision } = arrivals
    if (ctx.method === 'POST' || isPreflight(ctx)) checkOwnPost(parts.settings, ctx)
    if (ctx.method !== 'POST') {
      ctx.set('Allow', 'POST')
      throw new LiveSessionError('malformed', `expected POST, received ${ctx.method}`, { status: 405 })
    }
    // Does not use `ctx.is()`, which needs the body's length: a POST over HTTP/2 may omit the length.
    const isJson = ctx.request.type.trim().toLowerCase() === 'application/json'
    if (!isJson && (await answerByFeature(parts, ctx))) return
    // A form on another site can send text that looks like JSON, but cannot label it as JSON.
    if (!isJson || ctx.get('Content-Encoding') !== '')
      throw new LiveSessionError('malformed', 'expected plain JSON', { status: 415 })
    const body = parseMessage(await readBody(ctx))
    const canExtend = setExtension(ctx, body.extend)
    const named = await arrivals.arrive(ctx, revision)
    const recognized = arrivals.recognize(ctx.req, named.user)
    // The page's `who` has the epoch of the cookie, which a restarted process learns from this cookie.
    arrivals.adopt(recognized)
    const cookie = readable(recognized.receivedCookie)
    if (body.who === undefined) refuseWhileRotating(parts, cookie)
    const identity = body.who === undefined ? undefined : parts.pageIdentities.of(ctx, recognized)
    if (identity && !isPageOfVisitor(identity, body)) {
      ctx.body = answerOtherPage(parts, ctx, identity)
      return
    }
    if (body.extend === false && identity?.cookie) {
      ctx.set('Cache-Control', 'no-store')
      parts.limits.spendOn('questions', identity)
      const end = endOf(parts.features, parts.settings.clock(), ctx, identity.cookie, canExtend)
      ctx.body = { who: identity.who, results: [], persisted: [], end } satisfies PageAnswer
      return
    }
    if (body.who !== undefined) parts.identifyChecks.checkBare(body.who)
    const arrival = { ...named, recognized }
    const visit = parts.begin(ctx, arrival)
    if (body.who === undefined) recordPost(parts, cookie, visit.visitor)
    parts.handles.create(ctx, arrival, visit)
    ctx.body = await answer(parts, ctx, visit, identity ?? visit, body)
  })
  // The router itself adds `params` and `router` to the context.
  return router.routes() as Koa.Middleware
}

/** Lets the features answer a POST that is not JSON. Returns whether a feature has answered. */
async function answerByFeature({ features }: PostParts, ctx: Koa.Context): Promise<boolean> {
  for (const { post } of features) if (await post?.(ctx)) return true
  return false
}

/** Answers with the refusal if the endpoint throws an error with a code. */
async function refuse({ settings }: PostParts, ctx: Koa.Context, next: Koa.Next): Promise<void> {
  try {
    await next()
  } catch (error) {
    if (!(error instanceof LiveSessionError)) throw error
    settings.emitRefusal('request', error)
    const { status, headers, body } = refusalOf(error).response
    if (status === 413) endAfter(ctx)
    ctx.status = status
    ctx.set(headers)
    ctx.body = body
  }
}

/** Closes the connection after the response: the unread rest of the body must neither be awaited nor parsed as the next request. */
function endAfter({ res }: Koa.Context): void {
  const { stream } = res as { readonly stream?: ServerHttp2Stream }
  // HTTP/2 forbids the header, and requests share the connection, so closes only this request's stream.
  if (stream) stream.once('finish', () => stream.close())
  else res.setHeader('Connection', 'close')
}

/** Postpones a POST while another response brings a new cookie: a late response to this POST could replace the new cookie. */
function refuseWhileRotating({ endings }: PostParts, read: VerifiedCookie | undefined): void {
  if (read && endings.isPending(read.browserSubject)) throw retryLater('the browser is about to get another cookie')
}

/** Records whom `identify` names for a page's question, which follows a refused handshake and a page load as a guest. */
function recordPost(
  { identifyChecks }: PostParts,
  read: VerifiedCookie | undefined,
  { user, userSub, browser }: Visitor,
): void {
  if (read) identifyChecks.record('POSTs', user, userSub ?? read.user, read.browser, browser)
}

/** 202, because browsers log each status of 400 or more as an error, and nothing is wrong. */
function retryLater(why: string): LiveSessionError {
  return new LiveSessionError('rate_limited', why, { retryAfter: 1, status: 202 })
}

/**
 * Returns whether a page belongs to the visitor of its POST's cookie. Must run before any browser id is retired: if the POST is late, a
 * cookie in its response would replace the cookie of the browser's next user.
 */
function isPageOfVisitor({ hasCookie, who }: PageIdentity, body: ParsedMessage): boolean {
  return hasCookie && who === body.who
}

/** Answers another visitor's page with the identity of the request's cookie. */
function answerOtherPage(parts: PostParts, ctx: Koa.Context, identity: PageIdentity): PageAnswer {
  ctx.set('Cache-Control', 'no-store')
  // Does not count this answer: the page sends a question next, which counts.
  if (!identity.hasCookie) return { otherVisitor: true, results: [], persisted: [] }
  parts.limits.spendOn('questions', identity)
  return parts.exchange.answerOtherVisitor(identity)
}

/** @param identity the visitor of the request or, if the page named no `who`, the visitor after this response */
async function answer(
  parts: PostParts,
  request: Koa.Context,
  visit: Visit,
  identity: PageIdentity,
  body: ParsedMessage,
): Promise<PageAnswer> {
  if (isQuestion(body)) {
    parts.limits.spendOn('questions', visit)
    if (visit.isAnnouncingRetirement) throw retryLater('the browser is only now told that its cookie has ended')
  }
  const least = body.set.length > 0 ? 'sets' : 'shows'
  const use = visit.cookie ? 'renews' : least
  const { exchange, values, memory } = parts
  const tab = values.tabOf(identity.visitor.browser)
  const permit = (): void => {
    if (visit.isSuperseded) throw visitorLeft()
  }
  const context: ExchangeContext = {
    identity,
    owner: identity.visitor.inTab(tab),
    source: 'request',
    request,
    permit,
    onRefusal: (error) => parts.settings.emitRefusal('request', error),
    beforeMerge: () => {
      if (body.set.length > 0) permit()
      visit.markUse(use)
    },
  }
  // Only a question without `who` gets a greeting, because only questions have a limit of their own.
  const include = body.who === undefined && isQuestion(body) ? 'greeting' : 'identity'
  if (!tab) return await exchange.run(body, context, include)
  memory.pin(tab)
  try {
    return await exchange.run(body, context, include)
  } finally {
    memory.unpin(tab)
  }
}
