// Reads the hand-off token of a POSTed form. At the endpoint, redirects the POST to the token's target; in a route, redeems the token.

import type { IncomingMessage } from 'node:http'
import { parse } from 'node:querystring'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type Koa from 'koa'
import { LiveSessionError } from '../../../shared/errors.js'
import { printable } from '../../../shared/json.js'
import { isRecord } from '../../../shared/parse.js'
import { HAND_OFF_FIELD } from '../../../shared/protocol.js'
import { pathOf } from '../../../shared/schema.js'
import type { RequestUse } from '../../feature.js'
import { readText } from '../../http/body.js'
import { checkOwnPost } from '../../http/origin.js'
import type { FeatureParts, HandOffOrigin } from '../../parts.js'
import { subjectHash, type UserSubject } from '../../subjects/subject.js'
import { checkPurpose, type HandOff, type HandOffTokens } from './tokens.js'

const READ_ALREADY =
  'koa-live-session: takeHandOff: the body of this request was read already, but is not in ctx.request.body, where parsers ' +
  'leave it. Call takeHandOff before the body is read, or set ctx.request.body to the parsed form'

const QUOTED_PLACES = 3

/** A request with the parsed body, as left by body parsers. */
interface Parsed {
  body?: unknown
}

const readings = new WeakMap<IncomingMessage, Promise<void>>()

/**
 * Returns the token in a POSTed form. Ignores a token in a URL, because URLs end up in logs. If no parser of the app has read the body yet,
 * parses the body into `request.body`, so that the app finds the other fields.
 *
 * @throws {LiveSessionError} `malformed`, or `too_large` with status 413
 * @throws {TypeError} if other code has read and discarded the body
 */
async function postedToken(ctx: Koa.Context): Promise<string | undefined> {
  if (ctx.method !== 'POST') return undefined
  const request = ctx.request as Parsed
  if (request.body === undefined && isForm(ctx)) await readOnce(ctx.req, request)
  const { body } = request
  const token = isRecord(body) && Object.hasOwn(body, HAND_OFF_FIELD) ? body[HAND_OFF_FIELD] : undefined
  return typeof token === 'string' ? token : undefined
}

/** Reads the body once, even for concurrent calls with different purposes. */
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
 * Redirects a POST to the target in its token, and the browser repeats the POST there. Takes the target only from the token, because the
 * page is untrusted.
 *
 * @returns whether the request had a token
 * @throws {LiveSessionError} `bad_ticket` with status 204, which keeps the browser on its page
 */
export async function sendOn(
  { cookie, identifyUser, identities }: FeatureParts,
  tokens: HandOffTokens,
  ctx: Koa.Context,
): Promise<boolean> {
  const token = isForm(ctx) ? await postedToken(ctx) : undefined
  if (token === undefined) return false
  const user = await identifyUser(ctx)
  const own = identities.recognize(cookie.read(ctx.req, user), user).cookie
  const to = own && tokens.target(token, subjectHash(own.browserSubject))
  if (to === undefined)
    throw new LiveSessionError('bad_ticket', 'the hand-off is forged, too old, or for another browser', { status: 204 })
  ctx.status = 307
  ctx.set('Cache-Control', 'no-store')
  ctx.redirect(to)
  return true
}

/**
 * Returns the payload handed off to this request; undefined without a valid token. Of several requests with the same token, only the first
 * gets the payload.
 *
 * @throws {LiveSessionError} `bad_origin`, `store_unavailable`; `invalid_value` if the schema refuses the payload; errors of the body
 */
export async function redeemHandOff(
  parts: FeatureParts,
  tokens: HandOffTokens,
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
  // Prevents login CSRF: another site's form could bring the attacker's own token, and sign the visitor in as the attacker.
  checkOwnPost(parts.settings, ctx)
  // Decrypts the token only for the browser whose cookie the socket brought.
  const { cookie } = use.visit
  const handOff = cookie && tokens.decrypt(token, { browser: subjectHash(cookie.browserSubject), purpose })
  if (!handOff) return undefined
  // Validates before redeeming: if this build refuses the payload, another build can still accept the token.
  const value = await accepted(schema, handOff, purpose)
  // The visitor may have left while the body was read or the schema validated.
  if (use.visit.isSuperseded) return undefined
  const isFirst = await tokens.redeem(handOff)
  // Everything that this request does with the payload counts as done when the token was made.
  parts.handOffs.set(ctx, handOff)
  const [user] = handOff.epochs.keys()
  // Another node may have ended this browser's id, or revoked the user.
  await parts.store?.refresh([cookie.browserSubject, ...(user === undefined ? [] : [user])], ctx)
  if (user !== undefined && isRevokedSince(parts, user, handOff)) return undefined
  return isFirst && !use.visit.isSuperseded ? value : undefined
}

/** Returns whether a user was revoked since a hand-off: by epoch if the hand-off names the user, otherwise by the clocks of nodes. */
export function isRevokedSince(
  { ends }: Pick<FeatureParts, 'ends'>,
  user: UserSubject,
  { at, epochs }: HandOffOrigin,
): boolean {
  const sub = subjectHash(user)
  const epoch = epochs.get(user)
  return epoch === undefined ? ends.of(sub) >= at : !ends.accepts(sub, epoch)
}

async function accepted(schema: StandardSchemaV1, { payload }: HandOff, purpose: string): Promise<unknown> {
  const result = await schema['~standard'].validate(payload)
  if (!result.issues) return result.value
  // Reports only the paths: a schema's message may quote the refused value, which page and log must not show.
  const places = result.issues.map(({ path }) => pathOf(path))
  const cause = new Error(printable(`refused at ${places.slice(0, QUOTED_PLACES).join(', ')}`))
  throw new LiveSessionError('invalid_value', `takeHandOff("${purpose}"): not what the schema accepts`, { cause })
}
