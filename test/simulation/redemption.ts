import { OWN } from './builds.js'
import type { Identity } from './knowledge.js'
import { FORGED } from './ledger.js'
import { hashOfBrowser, readClaims, readRegisters } from './registers.js'
import { serverClock } from './time.js'
import type { World } from './world.js'

const ADOPTION = 10 * 60 * 1000

/** Who brings tickets. */
export interface Redeemer {
  /** Whose they may be. */
  readonly before: Identity
  readonly former: string | undefined
  /** With the first cookie that a browser got. */
  readonly isFirst: boolean
  /** Who gets what they say: the first may have come without an id. */
  readonly after: Identity
}

/** By what right a visitor may redeem a ticket; none: it must be refused. */
function rightTo(
  { knowledge }: World,
  ticket: string,
  { before: { user, browser }, former, isFirst }: Redeemer,
): 'own' | 'bring' | 'none' {
  const { sub, epoch, iat, changes, new: provisional, first = provisional, owner } = readClaims(ticket)
  if (changes.some(([, , value]) => value === FORGED)) return 'none'
  if (sub === user) return knowledge.accepts(sub, epoch) ? 'own' : 'none'
  if (sub === browser) return knowledge.retired.has(sub) ? 'none' : 'own'
  if (sub === former) return 'bring'
  const isOffer = first !== undefined && (first === provisional || (isFirst && owner === user))
  const isFresh = isOffer && iat * 1000 + ADOPTION > serverClock.at
  return isFresh && hashOfBrowser(first) === sub && !knowledge.retired.has(sub) ? 'bring' : 'none'
}

/** Says what is wrong with the tickets having been accepted, if they were; what they say is known from then on. */
export function redeemed(world: World, redeemer: Redeemer, tickets: readonly string[]): string | undefined {
  const { knowledge, ledger } = world
  const { user, browser } = redeemer.after
  for (const ticket of tickets) {
    const right = rightTo(world, ticket, redeemer)
    const { sub, changes } = readClaims(ticket)
    if (right === 'none')
      return `redeems a ticket that is forged, revoked or another visitor's: ${JSON.stringify(changes)}`
    const registers = readRegisters(changes)
    if (right === 'bring') {
      const heir = user ?? browser
      if (heir !== undefined) ledger.inherit(heir, sub)
      knowledge.bring(sub, registers, redeemer.after)
      continue
    }
    // An id that a user took over: what is not the browser's own comes as at a sign-in.
    const isTakenOver = sub === browser && user !== undefined
    if (isTakenOver) ledger.inherit(user, sub)
    for (const [key, register] of registers) {
      if (isTakenOver && key !== OWN) knowledge.bring(sub, new Map([[key, register]]), redeemer.after)
      else knowledge.learn(sub, key, register)
    }
  }
  return undefined
}
