import type { AnySnapshot, StoreAnswer } from '../../shared/protocol.js'
import type { Held } from './page-identity.js'
import { isNewer, type Register, readClaims, readRegisters } from './registers.js'
import type { Tab } from './tab.js'

/** What a ticket brought, and in which epoch of its subject. */
export interface Heard extends Register {
  readonly epoch: number
}

/** Which page has set a value, and whom it took itself to be of. */
export interface Origin {
  readonly tab: Tab
  readonly identities: readonly Held[]
}

/** What one page was told, and what it was promised. */
export interface Page {
  /** Of a snapshot or greeting that names the browser; else of the connection that the page has. */
  identity: Held | undefined
  connection: Held | undefined
  /** Those before: whether what was set under them goes along, the page has still to be told, of each of these browser ids. */
  doubted: readonly Held[]
  doubts: readonly string[]
  /** Of the answer to its question: whether a page that has no connection just then takes it, is the page's own affair. */
  answer: Held | undefined
  /** By subject and key, what tickets brought: the tab carries it from then on. */
  readonly heard: Map<string, Map<string, Heard>>
  /** By key, the newest stamp that the cookie was seen with. */
  readonly proven: Map<string, number>
  /** Subjects of the present greeting. */
  greeted: readonly string[]
  /** `{}` that were answered since the page was last told of a browser: it may take its browser for one that keeps nothing. */
  asked: number
  /** One of its connections did not say whose browser it is. */
  wasNameless: boolean
  /** Other identities that the page was to tell the app of. */
  visitors: number
}

export function newPage(snapshot: AnySnapshot | undefined): Page {
  return {
    identity: undefined,
    connection: undefined,
    doubted: [],
    doubts: [],
    answer: undefined,
    heard: new Map(),
    proven: new Map(Object.entries(snapshot?.stamps ?? {})),
    greeted: [],
    asked: 0,
    wasNameless: false,
    visitors: 0,
  }
}

/** It goes on as another id of the same owner, as far as it can know. */
export function doubtsOf(page: Page, former: Held, { browser = '' }: Held): void {
  page.doubted = [...page.doubted, former]
  page.doubts = [...page.doubts, former.browser ?? ''].filter((one) => one !== browser)
}

/** It is told of a browser id, whether that was given up: then it is to tell the app of another visitor. */
export function decides(page: Page, browser: string | undefined, isGivenUp: boolean): void {
  const { identity, doubted, doubts } = page
  if (identity?.browser === browser && isGivenUp) Object.assign(identity ?? {}, { youngUntil: 0 })
  if (!identity || browser === undefined || !doubts.includes(browser)) return
  page.doubts = isGivenUp ? [] : doubts.filter((one) => one !== browser)
  if (page.doubts.length > 0) return
  if (isGivenUp) page.visitors += 1
  else for (const former of doubted) former.next.push(identity)
  page.doubted = []
}

/** A ticket has come. */
export function hears({ heard }: Page, ticket: string): void {
  const { sub, epoch, changes } = readClaims(ticket)
  const known = heard.get(sub) ?? new Map<string, Heard>()
  heard.set(sub, known)
  for (const [key, register] of readRegisters(changes))
    if (isNewer(register, known.get(key))) known.set(key, { ...register, epoch })
}

/** The cookie was seen with these stamps. */
export function proves({ proven }: Page, held: StoreAnswer['held']): void {
  for (const [key, stamp] of held) proven.set(key, Math.max(stamp, proven.get(key) ?? 0))
}
