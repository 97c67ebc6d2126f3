import type { Browser } from './browser.js'
import { ALL_KEYS, HIDDEN, NEVER_IN_COOKIE, OWN } from './builds.js'
import type { Register } from './registers.js'
import type { Reading } from './rest.js'
import type { Stage } from './stage.js'
import type { Tab } from './tab.js'
import type { Violation } from './tally.js'

/** Memory, the cookie, and every page show the same. */
export function differenceOf(
  { world, pages }: Stage,
  browser: Browser,
  readings: ReadonlyMap<Browser, Reading>,
): Violation | undefined {
  for (const tab of browser.tabs)
    if (tab.drafts.size > 0)
      return diverged(`a page of browser ${browser.index} was never told what became of ${[...tab.drafts]}`, tab)
  if (browser.isBlocking || !browser.hasConsent) return undefined
  const cookie = world.cookie(browser.cookies)
  if (!cookie) return diverged(`browser ${browser.index} has no cookie in the end`)
  const { user, found: all } = readings.get(browser) ?? {}
  const sub = world.subOf(user) ?? cookie.browser
  if (world.standing.isUneven(sub)) return undefined
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
      const place = key === OWN ? world.storeName(cookie.browser) : world.storeName(sub, world.standing.generation(sub))
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
