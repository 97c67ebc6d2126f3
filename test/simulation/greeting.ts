import { HIDDEN } from './builds.js'
import type { CookieState } from './registers.js'
import { isRecent, readClaims } from './registers.js'

export interface BrowserName {
  readonly browser?: string
  readonly young?: string | undefined
}

/** What a page is told of its browser: the name only where a cookie that is kept says it, and whether the id was just made. */
export function nameOf(
  kept: CookieState | undefined,
  born: number | undefined,
  user: string | undefined,
  now: number,
): BrowserName {
  const young = born !== undefined && isRecent(born, now) ? (user ?? 'guest') : undefined
  return { ...(kept ? { browser: kept.browser } : {}), young }
}

/** Who is greeted. */
export interface Greeted {
  readonly user: string | undefined
  /** The browser's own subject, where a cookie says which. */
  readonly browser: string | undefined
  /** What its page is told of a cookie that the browser keeps. */
  readonly name: BrowserName
}

/** What is wrong with a greeting: it says whose page this is, and the browser's name only where its cookie does. */
export function greetingFault(tickets: readonly string[], { user, browser, name }: Greeted): string | undefined {
  for (const [index, ticket] of tickets.entries()) {
    const claims = readClaims(ticket)
    if (!claims.defaults || HIDDEN in claims.defaults) return 'has a greeting with the wrong defaults'
    const isUsers = user !== undefined && index === 0
    const expected = isUsers ? user : browser
    if (expected !== undefined && claims.sub !== expected) return `is greeted as ${claims.sub}, whom it is not`
    if (isUsers !== (claims.more === true)) return 'is greeted by another number of tickets'
    if (claims.browser !== name.browser) return `is told that its browser is ${claims.browser}`
    if (claims.young !== name.young) return `is told that it is young: ${claims.young}, not ${name.young}`
  }
  return undefined
}
