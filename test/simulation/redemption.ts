import { OWN } from './builds.js'
import type { Visitor } from './knowledge.js'
import { FORGED } from './ledger.js'
import { hashOfBrowser, readClaims, readRegisters } from './registers.js'
import { serverClock } from './time.js'
import type { World } from './world.js'

const ADOPTION = 10 * 60 * 1000

type Right = 'user' | 'browser' | 'bring' | 'none'

/** By what right a visitor may redeem a ticket; none: it must be refused. */
function rightTo(world: World, ticket: string, { user, browser, former }: Visitor, home: number): Right {
  const { sub, epoch, iat, changes, new: provisional } = readClaims(ticket)
  if (changes.some(([, , value]) => value === FORGED)) return 'none'
  if (sub === user) return world.knowledge.accepts(sub, epoch) ? 'user' : 'none'
  if (sub === browser) return world.knowledge.retired.has(sub) ? 'none' : 'browser'
  const isFresh = provisional !== undefined && iat * 1000 + ADOPTION > serverClock.at
  if (sub === former || (isFresh && hashOfBrowser(provisional) === sub)) return 'bring'
  // Where the browser's id is not known here, what was ever its own may be.
  return browser === undefined && world.ledger.home(sub) === home ? 'bring' : 'none'
}

export interface Redeemer {
  readonly world: World
  readonly visitor: Visitor
  readonly home: number
}

/** Says what is wrong with the tickets having been accepted, if they were; what they say is known from then on. */
export function redeemed({ world, visitor, home }: Redeemer, tickets: readonly string[]): string | undefined {
  const { knowledge, ledger } = world
  const { user, browser } = visitor
  for (const ticket of tickets) {
    const right = rightTo(world, ticket, visitor, home)
    const { sub, changes } = readClaims(ticket)
    if (right === 'none')
      return `redeems a ticket that is forged, revoked or somebody else's: ${JSON.stringify(changes)}`
    const registers = readRegisters(changes)
    if (right === 'bring') {
      const heir = user ?? browser
      if (heir !== undefined) ledger.inherit(heir, sub)
      knowledge.bring(sub, registers, user, browser)
      continue
    }
    for (const [key, register] of registers)
      knowledge.learn(key === OWN && right === 'browser' ? browser : sub, key, register)
  }
  return undefined
}
