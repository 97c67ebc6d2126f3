import { type JsonValue, sameJson } from '../../shared/json.js'
import type { AnySnapshot, SyncAnswer } from '../../shared/protocol.js'
import { lacking } from './baskets.js'
import { type CookieState, changesOf, isNewer, type Register, readClaims } from './registers.js'
import type { Whose } from './whos.js'

/** What a ticket brought, and in which epoch of its subject. */
export interface Heard extends Register {
  readonly epoch: number
}

/** What one page was told, and what it was promised. */
export interface Page {
  /** Whose it is: as its snapshot, or the greeting of a connection, has named one. */
  owner: Whose | undefined
  /** Those whom answers have named since, which it may have taken or not: what it says next shows it. */
  maybe: readonly Whose[]
  /** Of its connection, where that names none. */
  nameless: Whose | undefined
  /** By subject and key, what tickets brought: the tab carries it from then on. */
  readonly heard: Map<string, Map<string, Heard>>
  /** By key, the newest stamp of which the page knows that the browser keeps it. */
  readonly proven: Map<string, number>
  /** What its HTML says that the request's cookie lacked, and the answer's has: proven once the browser has shown a cookie. */
  brought: SyncAnswer['held']
  /** Answers to its `{}`, one after the other, that did not say that the browser keeps its cookie. */
  asked: number
  /** One of its connections did not say whose browser it is. */
  wasNameless: boolean
  /** Other visitors that the page was to tell the app of. */
  visitors: number
}

/** To a POST; or over a socket, whose page it is said for the first time, or was before. */
export type Way = 'post' | 'first' | 'later'

/** @param cookie which has come with its HTML */
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

/** A ticket has come. */
export function hears({ heard }: Page, ticket: string): void {
  const claims = readClaims(ticket)
  const { sub, epoch } = claims
  const known = heard.get(sub) ?? new Map<string, Heard>()
  heard.set(sub, known)
  for (const [key, register] of changesOf(claims))
    if (isNewer(register, known.get(key))) known.set(key, { ...register, epoch })
}

/** The browser keeps these. */
export function proves({ proven }: Page, held: SyncAnswer['held']): void {
  for (const [key, stamp] of held) proven.set(key, Math.max(stamp, proven.get(key) ?? 0))
}

/** What tickets have said of a key that has this value: of which subject, and in which epoch. */
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

/** Whether tickets have said of a list that this is in it. */
export function hasHeard({ heard }: Page, key: string, value: JsonValue | undefined): boolean {
  return [...heard.values()].some((all) => lacking(value, all.get(key)?.value) === undefined)
}

/** Whether a page takes what an answer says: without the browser's cookie only where it was told of no visitor, or its browser keeps none. */
export function isFor({ owner, asked }: Page, { who, kept }: SyncAnswer, way: Way): boolean {
  if (kept || way === 'later') return true
  return way === 'post' ? !owner : asked > 1 || (!owner && who === undefined)
}
