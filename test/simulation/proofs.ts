import type { Sync, SyncAnswer } from '../../shared/protocol.js'
import { NEVER_IN_COOKIE } from './builds.js'
import { readClaims } from './registers.js'

/** What no cookie carries is kept once the store has it. */
export function storedBy({ set = [] }: Sync, { results }: SyncAnswer): SyncAnswer['held'] {
  return set.flatMap(([key], index) => {
    const result = results[index]
    const isStored = result && 'level' in result && result.level === 'store' && NEVER_IN_COOKIE.includes(key)
    return isStored ? [[key, result.stamp] as const] : []
  })
}

/** Keys and stamps of what a page has brought along, or of what stands instead, but for what is in no cookie, and in no store. */
export function broughtBy(
  { tickets = [], set = [] }: Sync,
  { results, ticket, unsaved = [] }: SyncAnswer,
): SyncAnswer['held'] {
  const ofTickets = [...tickets, ...(ticket === undefined ? [] : [ticket])].flatMap((one) =>
    readClaims(one).changes.map(([key, stamp]) => [key, stamp] as const),
  )
  const ofSet = set.flatMap(([key], index) => {
    const result = results[index]
    return result && !('code' in result) ? [[key, result.stamp] as const] : []
  })
  return [...ofTickets, ...ofSet].filter(([key]) => !unsaved.includes(key))
}
