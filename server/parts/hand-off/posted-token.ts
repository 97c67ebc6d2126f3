import type { IncomingMessage } from 'node:http'
import { parse } from 'node:querystring'
import type Koa from 'koa'
import { isRecord } from '../../../shared/parse.js'
import { HAND_OFF_FIELD } from '../../../shared/protocol.js'
import { readText } from '../../kernel/requests/body.js'

const READ_ALREADY =
  'koa-live-session: takeHandOff: the body of this request was read already: expected it in ctx.request.body, where parsers ' +
  'leave it. Call takeHandOff before it is read, or put what was read there'

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
export async function postedToken(ctx: Koa.Context): Promise<string | undefined> {
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

export function isForm({ request }: Koa.Context): boolean {
  return request.type.trim().toLowerCase() === 'application/x-www-form-urlencoded'
}
