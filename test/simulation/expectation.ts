import type { JsonValue } from '../../shared/json.js'
import { doubled, itemsOf } from './baskets.js'
import type { Browser } from './browser.js'
import { ADDED_TO, NEVER_IN_COOKIE, OWN } from './builds.js'
import type { Signed } from './knowledge.js'
import { isNewer, type Register, type Registers } from './registers.js'
import type { Reading } from './rest.js'
import type { Stage } from './stage.js'
import type { World } from './world.js'

/** Who a browser was when the schedule ended, and what must still be known of it. */
export interface Expectation {
  readonly browser: Browser
  readonly sub: string | undefined
  readonly registers: Registers
  /** What pages were told that it is saved in a list; where nothing else happens, whatever they have added. */
  readonly added: readonly JsonValue[]
}

/** What memory, cookies, pages and the store hold of a browser's subject among them. */
export function expect({ world, pages }: Stage, browser: Browser): Expectation {
  const { browsers } = world
  const user = world.subOf(world.appUser(browser.cookies))
  const cookie = world.cookie(browser.cookies)
  const isGuests = user === undefined && cookie?.user === undefined && cookie && world.standing.isGood(cookie)
  const sub = user ?? (isGuests ? cookie.browser : undefined)
  const registers = new Map<string, Register>()
  if (sub === undefined || world.standing.isUneven(sub)) return { browser, sub: undefined, registers, added: [] }
  // What is of an earlier epoch or generation is worthless once a server that has begun anew is shown a later one.
  const shown = browsers.flatMap(({ cookies }) => world.cookie(cookies) ?? []).filter((other) => other.user === user)
  const newest = (mark: 'epoch' | 'generation'): number =>
    user === undefined ? 0 : Math.max(0, ...shown.map((other) => other[mark] ?? 0))
  const [epoch, generation] = [newest('epoch'), newest('generation')]
  const isCurrent = (its: Signed): boolean =>
    user === undefined ||
    (its.epoch >= epoch && (its.generation ?? 0) >= generation && world.standing.isCurrent(user, its))
  const add = (key: string, register: Register): void => {
    const isOver = (register.generation ?? generation) < generation || !world.standing.isLasting(sub, register)
    if (key !== OWN && !isOver && isNewer(register, registers.get(key))) registers.set(key, register)
  }
  for (const [key, register] of remembered(world, sub)) add(key, register)
  for (const { cookies, tabs, isBlocking, hasConsent } of browsers) {
    const keepsCookies = !isBlocking && hasConsent
    const theirs = world.cookie(cookies)
    const isTheirs = world.subOf(world.appUser(cookies)) === user && (theirs?.user ?? theirs?.browser) === sub
    if (!isTheirs || !theirs || !world.standing.isGood(theirs) || !isCurrent(theirs)) continue
    for (const [key, register] of theirs.registers) add(key, register)
    // A page whose browser keeps no cookie brings nothing home; nor what no cookie would ever show it.
    for (const tab of keepsCookies ? tabs : []) {
      for (const [key, heard] of pages.heard(tab, sub, theirs))
        if (isCurrent(heard) && !NEVER_IN_COOKIE.includes(key)) add(key, heard)
    }
  }
  const isOwn = cookie !== undefined && cookie.user === user && world.standing.isGood(cookie) && isCurrent(cookie)
  const saves =
    isOwn && !browser.isBlocking && browser.hasConsent ? world.saves.of(browser, { ...cookie, user }) : undefined
  for (const [key, register] of saves?.newest ?? []) {
    if (key === OWN) registers.set(key, register)
    else add(key, register)
  }
  // Where nothing joins nodes and browsers, each may add to what it knows alone.
  const isJoined = world.nodes.length === 1 && !world.baskets.isShared(sub)
  const added = (isJoined && saves?.added) || []
  return { browser, sub, registers, added: world.isCalm ? [...added, ...world.additions.owed] : added }
}

/** What nodes and the store have of a subject, and can tell each other: without a store they do so by a cookie alone. */
function* remembered(world: World, sub: string): Iterable<[string, Register]> {
  const { nodes } = world
  const { store } = world.deployment
  const isCarried = world.browsers.some((browser) => {
    const cookie = browser.isBlocking || !browser.hasConsent ? undefined : world.cookie(browser.cookies)
    return (
      cookie && cookie.user === world.subOf(world.appUser(browser.cookies)) && (cookie.user ?? cookie.browser) === sub
    )
  })
  const isTold = (key: string): boolean => isCarried && !NEVER_IN_COOKIE.includes(key)
  for (const { knowledge } of nodes) {
    for (const [key, register] of knowledge.floors.get(sub) ?? [])
      if (store || nodes.length === 1 || isTold(key)) yield [key, register]
  }
  yield* store?.rows(world.storeName(sub, world.standing.generation(sub))) ?? []
}

export function lossOf(
  { world }: Stage,
  { browser, sub, registers, added }: Expectation,
  reading: Reading | undefined,
): string | undefined {
  const now = world.subOf(reading?.user) ?? world.cookie(browser.cookies)?.browser
  if (sub === undefined || now !== sub) return undefined
  for (const [node, found] of reading?.found ?? []) {
    for (const [key, register] of registers) {
      if (!node.isDeclared(key)) continue
      const seen = found.get(key)
      if (!seen || seen.stamp < register.stamp)
        return `browser ${browser.index} has lost ${key} = ${JSON.stringify(register.value)} at ${register.stamp}, at node ${node.index}`
    }
    const missing = added.find((item) => !itemsOf(found.get(ADDED_TO)?.value).includes(item))
    const twice = world.isCalm ? doubled(ADDED_TO, found.get(ADDED_TO)?.value) : undefined
    if (twice !== undefined && !world.baskets.mayBeTwice(twice)) return `browser ${browser.index} has ${twice} twice`
    if (missing !== undefined) return `browser ${browser.index} has lost ${missing}, which was added`
  }
  return undefined
}
