// The token that a form has brought: it is read, spent by the request that takes it, or sent on to where it says.

import type { IncomingMessage } from 'node:http'
import { parse } from 'node:querystring'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type Koa from 'koa'
import { LiveSessionError } from '../../../shared/errors.js'
import { printable } from '../../../shared/escape.js'
import { isRecord } from '../../../shared/parse.js'
import { HAND_OFF_FIELD } from '../../../shared/protocol.js'
import { pathOf } from '../../../shared/schema.js'
import { subjectHash } from '../../kernel/names/subject.js'
import type { Identifier } from '../../kernel/names/visitor.js'
import { readText } from '../../kernel/requests/body.js'
import { checkOwnPost } from '../../kernel/requests/origin.js'
import type { Core } from '../../kernel/seams/core.js'
import type { Answer, RequestUse } from '../../kernel/seams/part.js'
import { checkPurpose, type HandOff, type HandOffs } from './hand-offs.js'

const READ_ALREADY =
  'koa-live-session: takeHandOff: the body of this request was read already: expected it in ctx.request.body, where parsers ' +
  'leave it. Call takeHandOff before it is read, or put what was read there'

const QUOTED_PLACES = 3

/** The kernel, as far as tokens need it, and the hand-offs. */
interface Needs extends Pick<Core, 'cookie' | 'identities' | 'settings' | 'warn'> {
  readonly handOffs: HandOffs
}

/** A request, where body parsers leave what they have read. */
interface Parsed {
  body?: unknown
}

const readings = new WeakMap<IncomingMessage, Promise<void>>()

/**
 * Returns the token that a form has brought: never in a URL, which ends up in logs. The app's own parser may have read the body; what is
 * read here is left where parsers leave it, so that the app finds the other fields.
 *
 * @throws {LiveSessionError} `malformed`, or `too_large` with status 413
 */
async function postedToken(ctx: Koa.Context): Promise<string | undefined> {
  if (ctx.method !== 'POST') return undefined
  const request = ctx.request as Parsed
  if (request.body === undefined && isForm(ctx)) await readOnce(ctx.req, request)
  const { body } = request
  const token = isRecord(body) && Object.hasOwn(body, HAND_OFF_FIELD) ? body[HAND_OFF_FIELD] : undefined
  return typeof token === 'string' ? token : undefined
}

/** Reads the body once, even for several calls at once with different purposes. */
function readOnce(req: IncomingMessage, request: Parsed): Promise<void> {
  const reading = readings.get(req) ?? read(req, request)
  readings.set(req, reading)
  return reading
}

async function read(req: IncomingMessage, request: Parsed): Promise<void> {
  if (req.readableDidRead) throw new TypeError(READ_ALREADY)
  request.body = parse(await readText(req))
}

function isForm({ request }: Koa.Context): boolean {
  return request.type.trim().toLowerCase() === 'application/x-www-form-urlencoded'
}

/**
 * Redirects a page to where the token it POSTed to the endpoint says: the browser makes the same POST there. Not to where the page was
 * told, as that may have come from a stranger.
 *
 * @returns whether it has brought a token
 * @throws {LiveSessionError} `bad_ticket` with status 204, which keeps the browser on its page
 */
export async function sendOn(
  { cookie, handOffs, identities }: Needs,
  ctx: Koa.Context,
  requests: Identifier,
): Promise<boolean> {
  const token = isForm(ctx) ? await postedToken(ctx) : undefined
  if (token === undefined) return false
  const user = await requests.identify(ctx)
  const own = identities.take(cookie.read(ctx.req, user), user).cookie
  const to = own && handOffs.target(token, subjectHash(own.browserSubject))
  if (to === undefined)
    throw new LiveSessionError('bad_ticket', 'a hand-off that is not for this browser, or is too old', { status: 204 })
  ctx.status = 307
  ctx.set('Cache-Control', 'no-store')
  ctx.redirect(to)
  return true
}

/**
 * Returns what a socket has handed off to this request: only one of all requests that bring it gets it.
 *
 * @throws {LiveSessionError} `bad_origin`, `store_unavailable`; `invalid_value` if the schema refuses it; errors of the body
 */
export async function takeHandOff(
  core: Needs,
  use: RequestUse,
  purpose: string,
  schema: StandardSchemaV1,
): Promise<unknown> {
  checkPurpose('takeHandOff', purpose)
  if (typeof schema?.['~standard']?.validate !== 'function')
    throw new TypeError('koa-live-session: takeHandOff: expected a Standard Schema (zod, valibot, arktype, ...)')
  const { ctx } = use
  const token = await postedToken(ctx)
  if (token === undefined) return undefined
  // Another site's form could bring the attacker's own token: the visitor would be signed in as the attacker.
  checkOwnPost(core, ctx)
  const handOff = open(core, use.visit, token, purpose)
  if (!handOff) return undefined
  // Before it is spent, so that what another build has written is not lost.
  const value = await accepted(schema, handOff, purpose)
  // Reading the body, the schema and the store can take time.
  if (use.visit.isSuperseded) return undefined
  const isFirst = await core.handOffs.spend(handOff)
  return isFirst && !use.visit.isSuperseded ? value : undefined
}

/** Only the browser whose cookie the socket brought can use the token. */
function open({ handOffs }: Needs, { cookie }: Answer, token: string, purpose: string): HandOff | undefined {
  return cookie && handOffs.open(token, { browser: subjectHash(cookie.browserSubject), purpose })
}

async function accepted(schema: StandardSchemaV1, { payload }: HandOff, purpose: string): Promise<unknown> {
  const result = await schema['~standard'].validate(payload)
  if (!result.issues) return result.value
  // Only the place: schemas quote what they refuse, which neither the page nor a log may see.
  const places = result.issues.map(({ path }) => pathOf(path))
  const cause = new Error(printable(`refused at ${places.slice(0, QUOTED_PLACES).join(', ')}`))
  throw new LiveSessionError('invalid_value', `takeHandOff("${purpose}"): not what the schema accepts`, { cause })
}
