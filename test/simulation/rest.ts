import type { JsonValue } from '../../shared/json.js'
import { doubled, itemsOf } from './baskets.js'
import type { Browser } from './browser.js'
import { ADDED_TO, ALL_KEYS, HIDDEN, NEVER_IN_COOKIE, OWN } from './builds.js'
import type { ServerNode } from './deployment.js'
import type { Signed } from './knowledge.js'
import { isNewer, type Register, type Registers } from './registers.js'
import { refresh } from './server-steps.js'
import type { Stage } from './stage.js'
import type { Tab } from './tab.js'
import type { Violation } from './tally.js'
import { fireTimer, pendingTimers, turn } from './time.js'
import type { World } from './world.js'

/** The first round ends a revoked cookie, and the next two bring each node the registers of the others. */
const ROUNDS = 4
const MAX_MOVES = 200

/** The last registers read by a browser at each node. */
interface Reading {
  readonly user: string | undefined
  readonly found: ReadonlyMap<ServerNode, Registers>
}

/** Lets all operations finish; then memory, cookies, the store and pages must agree, without a loss. */
export async function comeToRest(stage: Stage): Promise<void> {
  const { world } = stage
  const { bus, durability, store } = world.deployment
  bus?.heal()
  if (store) store.weather = 'fair'
  await turn()
  for (const browser of world.browsers) await stage.flow(browser)
  if (store) await settle(stage)
  await endSilence(stage)
  // The next page brings the outbox of a closed page.
  for (const browser of world.browsers)
    if (world.isCalm || browser.tabs.length === 0) await stage.load(browser, 'connected')
  for (const browser of world.browsers) await stage.flow(browser)
  const expectations = world.browsers.map((browser) => expect(stage, browser))
  for (let round = 0; round < ROUNDS && world.violation === undefined; round += 1) {
    if (store) await refresh()
    const readings = new Map<Browser, Reading>()
    for (const browser of world.browsers) readings.set(browser, await visit(stage, browser))
    for (const browser of world.browsers) browser.isDisturbed = false
    await settle(stage)
    if (world.violation !== undefined) return
    const wrong = objection(stage, expectations, readings)
    if (wrong === undefined) break
    if (round === ROUNDS - 1) world.fail(wrong.what, wrong.harm, wrong.page)
  }
  const fault = durability?.fault()
  if (fault !== undefined) world.fail(fault, 'lost')
}

/** Ends dead connections: a page abandons those with a pending message, and heartbeats end the others. */
async function endSilence(stage: Stage): Promise<void> {
  const dead = (): readonly Tab[] =>
    stage.world.browsers.flatMap(({ tabs }) => tabs.filter(({ socket }) => socket.wire?.isDead))
  if (dead().length === 0) return
  await settle(stage)
  for (const { socket } of dead()) socket.drop()
  for (const browser of stage.world.browsers) await stage.flow(browser)
}

async function visit(stage: Stage, browser: Browser): Promise<Reading> {
  const { world } = stage
  const found = new Map<ServerNode, Registers>()
  let user: string | undefined
  for (const node of world.nodes) {
    world.aim(node.index)
    const page = await stage.request(browser, [{ does: 'page' }], (registers) => found.set(node, registers))
    user = page.user
    await stage.flow(browser)
    await askAnew(stage, browser)
  }
  for (const tab of browser.tabs) {
    if (tab.link === 'none') tab.hide()
    if (tab.isHidden) tab.show()
    if (browser.isDisturbed && tab.socket.wire) tab.socket.drop()
    if (tab.link !== 'none') tab.socket.connect()
  }
  return { user, found }
}

/** Makes the POST of a page if the cookie is retired, because HTML does not replace such a cookie. */
async function askAnew(stage: Stage, browser: Browser): Promise<void> {
  const { world } = stage
  const cookie = world.cookie(browser.cookies)
  const isAsked = world.nodes.length === 1 && browser.tabs.length > 0
  if (isAsked || !cookie || world.node.knowledge.isGood(cookie)) return
  await stage.leave(browser.send({ method: 'POST', url: '/store_session', body: '{}' }))
  await stage.flow(browser)
}

function objection(
  stage: Stage,
  expectations: readonly Expectation[],
  readings: ReadonlyMap<Browser, Reading>,
): Violation | undefined {
  for (const expectation of expectations) {
    const loss = lossOf(stage, expectation, readings.get(expectation.browser))
    if (loss !== undefined) return { harm: 'lost', what: loss }
  }
  for (const browser of stage.world.browsers) {
    const difference = differenceOf(stage, browser, readings)
    if (difference !== undefined) return difference
  }
  return undefined
}

async function settle(stage: Stage): Promise<void> {
  const { world } = stage
  for (let moves = 0; moves < MAX_MOVES; moves += 1) {
    let isMoving = false
    for (const browser of world.browsers) if (await stage.flow(browser)) isMoving = true
    if (world.violation !== undefined) return
    if (!isMoving && pendingTimers() === 0) return
    if (!isMoving) {
      fireTimer()
      await turn()
      stage.observe()
    }
  }
  world.fail('pages never stop asking')
}

/** The visitor of a browser at the end of a schedule, and the visitor's required values. */
interface Expectation {
  readonly browser: Browser
  readonly sub: string | undefined
  readonly registers: Registers
  /** Items reported as saved and, in a calm schedule, all items that must remain. */
  readonly added: readonly JsonValue[]
}

/** Collects the newest registers of a browser's subject from memory, cookies, pages and the store. */
function expect({ world, pages }: Stage, browser: Browser): Expectation {
  const { browsers } = world
  const user = world.subOf(world.appUser(browser.cookies))
  const cookie = world.cookie(browser.cookies)
  const isGuests = user === undefined && cookie?.user === undefined && cookie && world.validity.isGood(cookie)
  const sub = user ?? (isGuests ? cookie.browser : undefined)
  const registers = new Map<string, Register>()
  if (sub === undefined || world.validity.isUneven(sub)) return { browser, sub: undefined, registers, added: [] }
  // A restarted server ignores cookies and tickets of an earlier epoch or generation.
  const shown = browsers.flatMap(({ cookies }) => world.cookie(cookies) ?? []).filter((other) => other.user === user)
  const newest = (mark: 'epoch' | 'generation'): number =>
    user === undefined ? 0 : Math.max(0, ...shown.map((other) => other[mark] ?? 0))
  const [epoch, generation] = [newest('epoch'), newest('generation')]
  const isCurrent = (its: Signed): boolean =>
    user === undefined ||
    (its.epoch >= epoch && (its.generation ?? 0) >= generation && world.validity.isCurrent(user, its))
  const add = (key: string, register: Register): void => {
    const isOver = (register.generation ?? generation) < generation || !world.validity.isLasting(sub, register)
    if (key !== OWN && !isOver && isNewer(register, registers.get(key))) registers.set(key, register)
  }
  for (const [key, register] of remembered(world, sub)) add(key, register)
  for (const { cookies, tabs, isBlocking, hasConsent } of browsers) {
    const keepsCookies = !isBlocking && hasConsent
    const theirs = world.cookie(cookies)
    const isTheirs = world.subOf(world.appUser(cookies)) === user && (theirs?.user ?? theirs?.browser) === sub
    if (!isTheirs || !theirs || !world.validity.isGood(theirs) || !isCurrent(theirs)) continue
    for (const [key, register] of theirs.registers) add(key, register)
    // A page brings no ticket if its browser keeps no cookie, and no key that cookies leave out.
    for (const tab of keepsCookies ? tabs : []) {
      for (const [key, heard] of pages.heard(tab, sub, theirs))
        if (isCurrent(heard) && !NEVER_IN_COOKIE.includes(key)) add(key, heard)
    }
  }
  const isOwn = cookie !== undefined && cookie.user === user && world.validity.isGood(cookie) && isCurrent(cookie)
  const saves =
    isOwn && !browser.isBlocking && browser.hasConsent ? world.saves.of(browser, { ...cookie, user }) : undefined
  for (const [key, register] of saves?.newest ?? []) {
    if (key === OWN) registers.set(key, register)
    else add(key, register)
  }
  // Unconnected nodes and browsers each add to their own list.
  const isJoined = world.nodes.length === 1 && !world.baskets.isShared(sub)
  const added = (isJoined && saves?.added) || []
  return { browser, sub, registers, added: world.isCalm ? [...added, ...world.additions.owed] : added }
}

/** Yields the registers of nodes and store that reach the other nodes; without a store, only registers carried by a cookie. */
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
  yield* store?.rows(world.storeKey(sub, world.validity.generation(sub))) ?? []
}

function lossOf(
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
    if (missing !== undefined) return `browser ${browser.index} has lost the added ${missing}`
  }
  return undefined
}

/** Finds a difference between memory, the cookie, the store and the pages. */
function differenceOf(
  { world, pages }: Stage,
  browser: Browser,
  readings: ReadonlyMap<Browser, Reading>,
): Violation | undefined {
  for (const tab of browser.tabs)
    if (tab.pending.size > 0)
      return diverged(`a page of browser ${browser.index} never heard the outcome of ${[...tab.pending]}`, tab)
  if (browser.isBlocking || !browser.hasConsent) return undefined
  const cookie = world.cookie(browser.cookies)
  if (!cookie) return diverged(`browser ${browser.index} has no cookie in the end`)
  const { user, found: all } = readings.get(browser) ?? {}
  const sub = world.subOf(user) ?? cookie.browser
  if (world.validity.isUneven(sub)) return undefined
  const shared = ALL_KEYS.filter((key) => world.nodes.every((node) => node.isDeclared(key)))
  const isShared = world.nodes.length === 1 || world.deployment.store
  for (const [node, found] of all ?? []) {
    for (const key of shared) {
      if (NEVER_IN_COOKIE.includes(key) && !isShared) continue
      const memory = found.get(key)
      const kept = NEVER_IN_COOKIE.includes(key) ? [...(all ?? [])].at(-1)?.[1].get(key) : cookie.registers.get(key)
      if (memory?.stamp !== kept?.stamp || text(memory) !== text(kept))
        return diverged(
          `browser ${browser.index} has ${key} = ${text(memory)} in the memory of node ${node.index}, and ${text(kept)} elsewhere`,
        )
      const place = key === OWN ? world.storeKey(cookie.browser) : world.storeKey(sub, world.validity.generation(sub))
      const stored = world.deployment.store?.rows(place).get(key)
      if (world.deployment.store && memory?.stamp !== stored?.stamp)
        return diverged(`the store has ${key} = ${text(stored)}, and node ${node.index} has ${text(memory)}`)
      if (key === HIDDEN) continue
      for (const tab of browser.tabs) {
        pages.shows(tab)
        if (!tab.isReady || memory?.value === undefined || pages.isAhead(tab, key, memory.stamp)) continue
        const value = tab.get(key)
        const shown = JSON.stringify(value)
        if (shown !== text(memory))
          return diverged(`a page of browser ${browser.index} shows ${key} = ${shown}, not ${text(memory)}`, tab)
      }
    }
  }
  for (const other of world.browsers) {
    if (other.isBlocking || !other.hasConsent) continue
    if (user === undefined || other.index <= browser.index || readings.get(other)?.user !== user) continue
    const theirs = world.cookie(other.cookies)
    for (const [key, register] of cookie.registers) {
      if (key === OWN || !shared.includes(key)) continue
      const their = theirs?.registers.get(key)
      if (their?.stamp !== register.stamp || text(their) !== text(register))
        return diverged(
          `browsers ${browser.index} and ${other.index} of one user differ in ${key}: ${text(register)}, ${text(their)}`,
        )
    }
  }
  return undefined
}

function text(register: Register | undefined): string {
  return JSON.stringify(register?.value) ?? 'nothing'
}

function diverged(what: string, tab?: Tab): Violation {
  return { harm: 'diverged', what, ...(tab ? { page: tab.script() } : {}) }
}
