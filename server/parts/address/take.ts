import type Koa from 'koa'
import { fromParameter, parameterOf } from '../../../shared/address.js'
import { LiveSessionError } from '../../../shared/errors.js'
import type { Field } from '../../../shared/field.js'
import { type JsonValue, sameJson } from '../../../shared/json.js'
import type { Warn } from '../../kernel/report.js'
import type { Limits } from '../../kernel/requests/limits.js'
import { isPrefetch } from '../../kernel/requests/prefetch.js'
import type { RequestUse } from '../../kernel/seams.js'

interface Needs {
  readonly limits: Limits
  readonly warn: Warn
}

/**
 * Whether the answer is to be a page of its own, in a window or a tab. Not so images, frames and scripts, which any site can have fetched
 * without the visitor seeing it.
 */
export function isPage(ctx: Koa.Context): boolean {
  const destination = destinationOf(ctx)
  // Browsers do not say it without https.
  if (destination === '') return ctx.get('Accept').includes('text/html')
  return destination === 'document' || (destination === 'empty' && isUncertain(ctx))
}

/** Whether it may yet be none that is seen: fetched early, or by a service worker, which fetches those of frames in the same way. */
function isUncertain(ctx: Koa.Context): boolean {
  return isPrefetch(ctx) || (destinationOf(ctx) === 'empty' && ctx.get('Sec-Fetch-Mode') === 'navigate')
}

function destinationOf(ctx: Koa.Context): string {
  return ctx.get('Sec-Fetch-Dest').toLowerCase()
}

/** Of these fields those that the address of a visit says something of, early or not. */
export function addressed(ctx: Koa.Context, fields: readonly Field[]): readonly Field[] {
  if (!ctx.querystring || ctx.method !== 'GET' || !isPage(ctx)) return []
  const parameters = new URLSearchParams(ctx.querystring)
  return fields.filter(({ url = '' }) => parameters.has(url))
}

/** Sets what the address of a visit says of fields. Returns, by key, what it leaves to its page. */
export function takeAddress(
  core: Needs,
  fields: readonly Field[],
  use: RequestUse,
): Readonly<Record<string, JsonValue>> {
  const unvisited: Record<string, JsonValue> = {}
  for (const field of fields) {
    const value = saidOf(field, use.ctx.querystring, core)
    if (value === undefined || sameJson(value, use.values.get(field.key))) continue
    if (isUncertain(use.ctx) || !take(core, field.key, value, use)) unvisited[field.key] = value
  }
  return unvisited
}

/** A visit goes on as without what is refused here: a link that is wrong, or too old, is not the visitor's mistake. */
function saidOf(field: Field, search: string, { warn }: Needs): JsonValue | undefined {
  const { url = '', key } = field
  const text = parameterOf(search, url)
  // The log does not say it: it is a stranger's text.
  const refuse = (code: string): undefined => {
    warn(`an address has ?${url}=... which does not set "${key}": ${code}`)
    return undefined
  }
  if (text === undefined) return refuse('malformed')
  // What is written by hand has no quotes: ?year=2026 may well be meant as a string.
  let code = ''
  for (const input of [fromParameter(text, field.default), text]) {
    try {
      return field.acceptFromBrowser(input)
    } catch (error) {
      if (!(error instanceof LiveSessionError)) throw error
      code ||= error.code
    }
  }
  return refuse(code)
}

/** Whether it may be set now: as what pages ask for it is limited, for a stranger may have made the link. */
function take({ limits }: Needs, key: string, value: JsonValue, { visit, values }: RequestUse): boolean {
  if (visit.isSuperseded) return false
  try {
    limits.spend(1, visit)
  } catch (error) {
    if (!(error instanceof LiveSessionError)) throw error
    return false
  }
  // A refusal goes to onError: the server is about to end.
  void values.set(key, value)
  return true
}
