import { type JsonValue, sameJson } from '../../shared/json.js'
import type { AnySnapshot, PageAnswer } from '../../shared/protocol.js'
import { lacking } from './baskets.js'
import { type CookieState, changesOf, isNewer, type Register, readClaims } from './registers.js'
import type { Whose } from './whos.js'

export interface Heard extends Register {
  readonly epoch: number
}

export interface Page {
  owner: Whose | undefined
  /** The possible next visitors, named by later answers. The page's next message confirms which. */
  maybe: readonly Whose[]
  nameless: Whose | undefined
  readonly heard: Map<string, Map<string, Heard>>
  /** The newest stamp proven to be kept by the browser, by key. */
  readonly proven: Map<string, number>
  /** Stamps in the cookie of the page's HTML, proven after the browser has shown a cookie. */
  brought: PageAnswer['persisted']
  /** Counts consecutive answers to `{}` without proof of a cookie. */
  asked: number
  wasNameless: boolean
  visitors: number
}

/** How an answer came: by POST, or as a socket's first or later answer. */
export type Way = 'post' | 'first' | 'later'

export function newPage(snapshot: AnySnapshot | undefined, cookie: CookieState | undefined): Page {
  const stamps = Object.entries(snapshot?.stamps ?? {})
  return {
    owner: undefined,
    maybe: [],
    nameless: undefined,
    heard: new Map(),
    proven: new Map(stamps.filter(([key]) => !snapshot?.unsaved?.includes(key))),
    brought: stamps.filter(([key, stamp]) => cookie?.registers.get(key)?.stamp === stamp),
    asked: 0,
    wasNameless: false,
    visitors: 0,
  }
}

export function hears({ heard }: Page, ticket: string): void {
  const claims = readClaims(ticket)
  const { sub, epoch } = claims
  const known = heard.get(sub) ?? new Map<string, Heard>()
  heard.set(sub, known)
  for (const [key, register] of changesOf(claims))
    if (isNewer(register, known.get(key))) known.set(key, { ...register, epoch })
}

export function proves({ proven }: Page, persisted: PageAnswer['persisted']): void {
  for (const [key, stamp] of persisted) proven.set(key, Math.max(stamp, proven.get(key) ?? 0))
}

/** Returns the registers with this value from tickets, with their subjects. */
export function heardAs(
  { heard }: Page,
  key: string,
  value: JsonValue | undefined,
): readonly (Heard & { sub: string })[] {
  return [...heard].flatMap(([sub, all]) => {
    const register = all.get(key)
    return register && sameJson(register.value, value) ? [{ sub, ...register }] : []
  })
}

export function hasHeard({ heard }: Page, key: string, value: JsonValue | undefined): boolean {
  return [...heard.values()].some((all) => lacking(value, all.get(key)?.value) === undefined)
}

/**
 * Whether a page accepts an answer: if the request had no cookie, only before the page's first visitor or in a browser without cookies.
 */
export function isFor({ owner, asked }: Page, { who, hasCookie: kept }: PageAnswer, way: Way): boolean {
  if (kept || way === 'later') return true
  return way === 'post' ? !owner : asked > 1 || (!owner && who === undefined)
}
