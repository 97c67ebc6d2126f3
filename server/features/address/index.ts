// Decides which page loads may set fields from URL parameters, and applies the parameters.

import type Koa from 'koa'
import { CODES } from '../../../shared/code-table.js'
import type { LiveSessionErrorCode } from '../../../shared/codes.js'
import { LiveSessionError } from '../../../shared/errors.js'
import type { Field } from '../../../shared/field.js'
import { type JsonValue, sameJson } from '../../../shared/json.js'
import { fromParameter, LONGEST_ADDRESS } from '../../../shared/url-parameter.js'
import type { Limits } from '../../exchange/limits.js'
import type { Feature, RequestUse, ResponseContext } from '../../feature.js'
import { destinationOf, isPrefetch, isWorkerNavigation } from '../../http/page-load.js'
import type { FeatureParts } from '../../parts.js'
import type { CookieOptions } from '../../settings/settings.js'

/** A value in the URL of a page load. */
interface AddressValue {
  readonly key: string
  readonly texts: readonly string[]
  readonly value: JsonValue
  readonly isApplied: boolean
}

/**
 * Creates the feature for fields with a URL parameter. A page load sets the value from the URL, and the page updates the URL when the value
 * changes.
 */
export function addressFeature(parts: FeatureParts): Feature {
  const fields = [...parts.settings.fields.values()].filter(({ url }) => url !== undefined)
  if (fields.length === 0) return {}
  const { cookie } = parts.settings
  const readable = fields.filter(({ access }) => access !== 'hidden')
  const urls = Object.fromEntries(readable.map(({ key, url = '' }) => [key, url]))
  const valuesOf = new WeakMap<ResponseContext, readonly AddressValue[]>()
  return {
    begins: (ctx, useOf) => {
      const named = addressed(ctx, fields, cookie)
      if (named.length === 0) return
      const use = useOf()
      valuesOf.set(use.visit, applyAddress(parts, named, use))
    },
    snapshot: ({ ctx, visit }, snapshot) => {
      const unapplied = (valuesOf.get(visit) ?? []).filter(({ key, value, isApplied }) => {
        // Without a cookie, the next request is another guest's, so only the page can keep an applied value.
        return !isApplied || (snapshot.who === undefined && sameJson(value, snapshot.values[key]))
      })
      // Sends `urls` only to a page: a script's fetch has another URL than its page, and a frame's URL is invisible.
      if (readable.length > 0 && mayBePage(ctx, cookie)) snapshot.urls = urls
      if (unapplied.length === 0) return
      snapshot.unapplied = Object.fromEntries(unapplied.map(({ key, value }) => [key, value]))
      snapshot.texts = Object.fromEntries(unapplied.map(({ key, texts }) => [key, texts]))
    },
  }
}

/** Texts for the log: why a parameter does not set its field. */
const CAUSES: Partial<Record<LiveSessionErrorCode, string>> = {
  malformed: `it has over ${LONGEST_ADDRESS} characters`,
  invalid_value: `${CODES.invalid_value.reason}, as of an outdated link`,
}

/**
 * Returns whether the response is, or may be, a top-level page in a window or a tab. Only such a page load sets values, because any site
 * can load our images, frames and scripts without showing them.
 */
function mayBePage(ctx: Koa.Context, cookie: CookieOptions): boolean {
  const destination = destinationOf(ctx, cookie)
  return destination === 'document' || (destination === 'empty' && isUncertain(ctx))
}

/** Returns whether nobody may ever see this page: a prefetched page may never be shown, and a service worker may fetch for a frame. */
function isUncertain(ctx: Koa.Context): boolean {
  return isPrefetch(ctx) || isWorkerNavigation(ctx)
}

/** Returns the fields with a parameter in the URL of a page load or prefetch. */
function addressed(ctx: Koa.Context, fields: readonly Field[], cookie: CookieOptions): readonly Field[] {
  if (!ctx.querystring || ctx.method !== 'GET' || !mayBePage(ctx, cookie)) return []
  const parameters = new URLSearchParams(ctx.querystring)
  return fields.filter(({ url = '' }) => parameters.has(url))
}

/** Sets fields from the request's URL. Returns the valid values, except those that the fields already have. */
function applyAddress(parts: FeatureParts, fields: readonly Field[], use: RequestUse): readonly AddressValue[] {
  const values: AddressValue[] = []
  for (const field of fields) {
    // Skips the field without a warning, because users share links with guests.
    if (field.guestAccess !== 'write' && use.visit.visitor.user === undefined) continue
    const texts = new URLSearchParams(use.ctx.querystring).getAll(field.url ?? '')
    const value = valueInAddress(texts, field, parts)
    if (value === undefined || sameJson(value, use.values.get(field.key))) continue
    const isApplied = !isUncertain(use.ctx) && setValue(parts.limits, field, value, use)
    values.push({ key: field.key, texts, value, isApplied })
  }
  return values
}

/**
 * Returns the value of a field's URL parameter with these texts. Warns of an invalid value, but never throws, because a bad link is not the
 * visitor's mistake.
 */
function valueInAddress(texts: readonly string[], field: Field, { settings }: FeatureParts): JsonValue | undefined {
  const { url = '', key } = field
  // Leaves the value out of the log, because the value is untrusted text.
  const refuse = (code: LiveSessionErrorCode): undefined => {
    settings.warn(
      `an address has ?${url}=... which does not set "${key}": ${code}: ${CAUSES[code] ?? CODES[code].reason}`,
    )
    return undefined
  }
  if (texts.join('').length > LONGEST_ADDRESS) return refuse('malformed')
  let code: LiveSessionErrorCode | undefined
  for (const input of meaningsOf(texts, field.default)) {
    try {
      return field.acceptFromBrowser(input)
    } catch (error) {
      if (!(error instanceof LiveSessionError)) throw error
      code ??= error.code
    }
  }
  return refuse(code ?? 'invalid_value')
}

/** Returns the values that a parameter's texts can stand for, the likeliest first. The field's default decides how to read the texts. */
function meaningsOf(texts: readonly string[], fallback: JsonValue | undefined): readonly JsonValue[] {
  // Takes the last text: for a checked box, a form also sends the hidden field before it.
  const text = texts.at(-1) ?? ''
  if (Array.isArray(fallback)) {
    // A multiple select sends a text for each choice.
    const members = texts.filter((member) => member !== '')
    const whole = texts.length === 1 ? [fromParameter(text, fallback)] : []
    return [...whole, members.map((member) => fromParameter(member, undefined)), members]
  }
  if (text === '' && fallback !== undefined && typeof fallback !== 'string') return [fallback]
  // A URL written by hand has no quotes, so ?year=2026 may mean a string.
  return [fromParameter(text, fallback), text]
}

/** Sets a field, and returns whether this succeeded. Links have a rate limit, because they are untrusted. */
function setValue(limits: Limits, { key, scope }: Field, value: JsonValue, { visit, values }: RequestUse): boolean {
  if (visit.isSuperseded || !visit.knowsOwner(scope)) return false
  try {
    limits.spendOn('links', visit)
  } catch (error) {
    if (!(error instanceof LiveSessionError)) throw error
    return false
  }
  // If the plugin is closing, the rejection goes to onError.
  void values.set(key, value)
  return true
}
