import type { Browser } from './browser.js'
import { ALL_KEYS, HIDDEN, OWN } from './builds.js'
import { isNewer, type Register } from './registers.js'
import type { Stage } from './stage.js'
import type { Tab } from './tab.js'
import type { Violation } from './tally.js'
import { fireTimer, pendingTimers, turn } from './time.js'

const ROUNDS = 3
const MAX_MOVES = 200

/** Who a browser was when the schedule ended, and what must still be known of it. */
interface Expectation {
  readonly browser: Browser
  readonly sub: string | undefined
  readonly registers: ReadonlyMap<string, Register>
}

/** Everything gets where it was going, and every browser makes requests; then all places must agree, and nothing be lost. */
export async function comeToRest(stage: Stage): Promise<void> {
  const { world } = stage
  for (const browser of world.browsers) await stage.flow(browser)
  const expectations = world.browsers.map((browser) => expect(stage, browser))
  const found = new Map<Browser, ReadonlyMap<string, Register>>()
  const users = new Map<Browser, string | undefined>()
  for (let round = 0; round < ROUNDS && world.violation === undefined; round += 1) {
    for (const browser of world.browsers) {
      const { user } = await stage.request(browser, [{ does: 'page' }], (registers) => found.set(browser, registers))
      users.set(browser, user)
      await stage.flow(browser)
      await askAnew(stage, browser)
      for (const tab of browser.tabs) {
        if (tab.link === 'none') tab.hide()
        if (tab.isHidden) tab.show()
        if (browser.isDisturbed && tab.socket.wire) tab.socket.drop()
        if (tab.link !== 'none') tab.socket.connect()
      }
    }
    for (const browser of world.browsers) browser.isDisturbed = false
    await settle(stage)
    if (world.violation !== undefined) return
    const wrong = objection(stage, expectations, found, users)
    if (wrong === undefined) return
    if (round === ROUNDS - 1) world.fail(wrong.what, wrong.harm, wrong.page)
  }
}

/** HTML brings no cookie in place of one that was given up: a question of a page does, where there is a page. */
async function askAnew(stage: Stage, browser: Browser): Promise<void> {
  const { world } = stage
  const cookie = world.cookie(browser.cookies)
  if (browser.tabs.length > 0 || !cookie || world.node.knowledge.isGood(cookie)) return
  await stage.leave(browser.send({ method: 'POST', url: '/store_session', body: '{}' }))
  await stage.flow(browser)
}

function objection(
  stage: Stage,
  expectations: readonly Expectation[],
  found: ReadonlyMap<Browser, ReadonlyMap<string, Register>>,
  users: ReadonlyMap<Browser, string | undefined>,
): Violation | undefined {
  for (const expectation of expectations) {
    const loss = lossOf(stage, expectation, found.get(expectation.browser) ?? new Map(), users.get(expectation.browser))
    if (loss !== undefined) return { harm: 'lost', what: loss }
  }
  for (const browser of stage.world.browsers) {
    const difference = differenceOf(stage, browser, found.get(browser) ?? new Map(), users)
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
    }
  }
  world.fail('pages never stop asking')
}

/** What memory, cookies and pages of a browser's subject hold among them. */
function expect({ world, pages }: Stage, browser: Browser): Expectation {
  const { browsers } = world
  const { knowledge } = world.node
  const user = world.subOf(world.appUser(browser.cookies))
  const cookie = world.cookie(browser.cookies)
  const isGuests = user === undefined && cookie?.user === undefined && cookie && knowledge.isGood(cookie)
  const sub = user ?? (isGuests ? cookie.browser : undefined)
  const registers = new Map<string, Register>()
  const add = (key: string, register: Register): void => {
    if (key !== OWN && isNewer(register, registers.get(key))) registers.set(key, register)
  }
  if (sub === undefined) return { browser, sub, registers }
  for (const [key, register] of knowledge.floors.get(sub) ?? []) add(key, register)
  // What is of an earlier epoch is worthless once a server that has begun anew is shown a later one.
  const epochs = browsers.map(({ cookies }) => world.cookie(cookies)).filter((other) => other?.user === user)
  const epoch = user === undefined ? 0 : Math.max(0, ...epochs.map((other) => other?.epoch ?? 0))
  const isCurrent = (its: number): boolean => user === undefined || (its >= epoch && knowledge.isCurrent(user, its))
  for (const { cookies, tabs, isBlocking, hasConsent } of browsers) {
    const keepsCookies = !isBlocking && hasConsent
    const theirs = world.cookie(cookies)
    const isTheirs = world.subOf(world.appUser(cookies)) === user && (theirs?.user ?? theirs?.browser) === sub
    if (!isTheirs || !theirs || !knowledge.isGood(theirs) || !isCurrent(theirs.epoch)) continue
    for (const [key, register] of theirs.registers) add(key, register)
    // A page whose browser keeps no cookie brings nothing home.
    for (const tab of keepsCookies ? tabs : []) {
      for (const [key, heard] of pages.heard(tab, sub)) if (isCurrent(heard.epoch)) add(key, heard)
    }
  }
  return { browser, sub, registers }
}

function lossOf(
  { world }: Stage,
  { browser, sub, registers }: Expectation,
  found: ReadonlyMap<string, Register>,
  userId: string | undefined,
): string | undefined {
  const now = world.subOf(userId) ?? world.cookie(browser.cookies)?.browser
  if (sub === undefined || now !== sub) return undefined
  for (const [key, register] of registers) {
    if (!world.node.isDeclared(key)) continue
    const seen = found.get(key)
    if (!seen || seen.stamp < register.stamp)
      return `browser ${browser.index} has lost ${key} = ${JSON.stringify(register.value)} at ${register.stamp}`
  }
  return undefined
}

/** Memory, the cookie, and every page show the same. */
function differenceOf(
  { world, pages }: Stage,
  browser: Browser,
  found: ReadonlyMap<string, Register>,
  users: ReadonlyMap<Browser, string | undefined>,
): Violation | undefined {
  for (const tab of browser.tabs)
    if (tab.drafts.size > 0)
      return diverged(`a page of browser ${browser.index} was never told what became of ${[...tab.drafts]}`, tab)
  if (browser.isBlocking || !browser.hasConsent) return undefined
  const cookie = world.cookie(browser.cookies)
  if (!cookie) return diverged(`browser ${browser.index} has no cookie in the end`)
  for (const key of ALL_KEYS.filter((each) => world.node.isDeclared(each))) {
    if (key === HIDDEN) continue
    const memory = found.get(key)
    const kept = cookie?.registers.get(key)
    if (memory?.stamp !== kept?.stamp || text(memory) !== text(kept))
      return diverged(`browser ${browser.index} has ${key} = ${text(memory)} in memory and ${text(kept)} in its cookie`)
    for (const tab of browser.tabs) {
      pages.shows(tab)
      if (!tab.isReady || memory?.value === undefined || pages.isAhead(tab, key, memory.stamp)) continue
      const value = tab.get(key)
      const shown = JSON.stringify(value)
      if (shown !== text(memory))
        return diverged(`a page of browser ${browser.index} shows ${key} = ${shown}, not ${text(memory)}`, tab)
    }
  }
  for (const other of world.browsers) {
    const user = users.get(browser)
    if (other.isBlocking || !other.hasConsent) continue
    if (user === undefined || other.index <= browser.index || users.get(other) !== user) continue
    const theirs = world.cookie(other.cookies)
    for (const [key, register] of cookie?.registers ?? []) {
      if (key === OWN || !world.node.isDeclared(key)) continue
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
