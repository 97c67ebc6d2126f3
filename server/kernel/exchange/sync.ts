import type { Field } from '../../../shared/field.js'
import type { Wanted } from '../../../shared/parse.js'
import { type Awaitable, after } from '../../../shared/promise.js'
import type { Level, SyncAnswer } from '../../../shared/protocol.js'
import type { Visitor } from '../names/visitor.js'
import type { StoreSync } from '../remote/store-sync.js'
import type { Whose } from '../visitors/recognized.js'
import type { Bucket } from './limits.js'
import { type Asker, type Results, takeChanges } from './page-changes.js'
import { mergeTickets, redeem } from './redeem.js'
import { type HeldInStore, heldInStore, ticketOf, told } from './told.js'
import type { UpToExchange } from './up-to-exchange.js'

/** The page's side of the exchange: who makes it, and which way. */
export interface Side extends Asker {
  readonly whose: Whose
  /** The visitor in the page's tab. */
  readonly owner: Visitor
  /** The bucket of the socket. */
  readonly bucket?: Bucket
  /** Called when the exchange is not refused as a whole. */
  begin?(this: void): void
  /** How far a write has got. Throws if the visitor has left meanwhile: the answer would be for another one. */
  confirm?(this: void, level: Level): Awaitable<Level>
}

/** Only POSTs ask the store: no greeting over a socket waits for it. */
const NOT_ASKED: Awaitable<HeldInStore> = { held: [] }

/**
 * Performs the one exchange: takes what a page of this visitor brings and sets, and answers. Tickets merge first, so that changes meet what
 * the browser has seen.
 *
 * @throws {LiveSessionError} if it is refused as a whole
 */
export function sync(
  core: UpToExchange,
  { tickets, set }: Wanted,
  side: Side,
  isGreeted: boolean,
): Awaitable<SyncAnswer> {
  const { whose, owner: visitor } = side
  const { held } = whose
  // Not counted as changes, which were counted when they were made, but by what it takes to verify them.
  core.limits.spendTickets(tickets, whose)
  if (set.length > 0) core.limits.spend(set.length, whose, side.bucket)
  const redemptions = redeem(core, tickets, visitor)
  if (set.length > 0) side.permit()
  side.begin?.()
  const overtaken = mergeTickets(core, redemptions)
  const results = takeChanges(core, set, side)
  return after(results, (results) =>
    after(core.store && levelsOf(core.store, visitor, results, side), (levels) => {
      // Made before the store is asked: the store's answer covers all that the ticket brings.
      const ticket = ticketOf(core, visitor, [...fieldsOf(results), ...overtaken, ...overtakenOf(core, set, results)])
      return after(side.source === 'request' ? heldInStore(core, visitor) : NOT_ASKED, (stored) =>
        Object.assign(told(core, whose, isGreeted, visitor), ticket, stored, {
          results: results.map((one) =>
            'field' in one ? { stamp: one.stamp, level: levels?.get(visitor.subject(one.field)) ?? 'memory' } : one,
          ),
          held: [...held, ...stored.held],
        }),
      )
    }),
  )
}

/** Returns the answer to another visitor's page: whose it is now, and that nothing was taken from it. */
export function dropped(core: UpToExchange, whose: Whose): SyncAnswer {
  return { dropped: true, ...told(core, whose, false), results: [], held: whose.held }
}

function fieldsOf(results: Results): readonly Field[] {
  return results.flatMap((result) => ('field' in result ? result.field : []))
}

/** The fields of changes refused because of something newer: the page may have to bring that to another process. */
function overtakenOf({ sessions }: UpToExchange, set: Wanted['set'], results: Results): readonly Field[] {
  return set.flatMap(([key], index) => (results[index]?.stamp ? (sessions.fields.get(key) ?? []) : []))
}

/** Resolves with how far the writes of each subject have got: what is in no store holds up, and lowers, no other. */
function levelsOf(store: StoreSync, visitor: Visitor, results: Results, { confirm = (level) => level }: Side) {
  const subjects = [...new Set(fieldsOf(results).map((field) => visitor.subject(field)))]
  const levels = subjects.map(async (subject) => [subject, await confirm(await store.level([subject]))] as const)
  return levels[0] && Promise.all(levels).then((all) => new Map(all))
}
