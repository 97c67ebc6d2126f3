import type { Field } from '../../../shared/field.js'
import type { Wanted } from '../../../shared/parse.js'
import { type Awaitable, after, allOf } from '../../../shared/promise.js'
import type { Level, SyncAnswer } from '../../../shared/protocol.js'
import { mergeTickets, type RedeemNeeds, redeem } from '../names/redeem.js'
import type { Visitor } from '../names/visitor.js'
import type { Whose } from '../names/who.js'
import type { Bucket, Limits } from '../requests/limits.js'
import { type Asker, type Taken, takeChange } from './page-changes.js'
import type { Refused } from './refusal.js'
import { type HeldInStore, heldInStore, type ToldNeeds, ticketOf, told } from './told.js'

export interface SyncNeeds extends RedeemNeeds, ToldNeeds {
  readonly limits: Limits
}

/** Who makes the exchange, and which way. */
export interface Side extends Omit<Asker, 'owner'> {
  readonly whose: Whose
  /** That of the socket. */
  readonly bucket?: Bucket
  /** Takes note that nothing is refused as a whole. */
  begin?(this: void): void
  /** How far a write has got, where the visitor is still there: one that is gone before its answer is out is not asked. */
  confirm?(this: void, level: Level): Awaitable<Level>
}

type Results = readonly (Taken | Refused)[]

/** The store is asked by POSTs: no greeting over a socket waits for it. */
const NOT_ASKED: Awaitable<HeldInStore> = { held: [] }

/**
 * The one exchange: takes what a page of this visitor brings and sets, and answers. Tickets merge first, so that changes meet what the
 * browser has seen.
 *
 * @throws {LiveSessionError} where it is refused as a whole
 */
export function sync(core: SyncNeeds, { tickets, set }: Wanted, side: Side, isGreeted: boolean): Awaitable<SyncAnswer> {
  const { whose } = side
  const { visitor, held } = whose
  // Not as changes, which have been counted when they were made, but for what it takes to verify them.
  core.limits.spendTickets(tickets, whose)
  if (set.length > 0) core.limits.spend(set.length, whose, side.bucket)
  const redemptions = redeem(core, tickets, visitor)
  if (set.length > 0) side.permit()
  side.begin?.()
  const overtaken = mergeTickets(core, redemptions)
  const asker = { ...side, owner: visitor }
  const results = allOf(set.map((change, index) => takeChange(core, change, index, asker)))
  return after(results, (results) =>
    after(levelOf(core, visitor, results, side), (level) => {
      // Before the store is asked: what it says covers all that the ticket brings.
      const ticket = ticketOf(core, visitor, [...fieldsOf(results), ...overtaken, ...overtakenOf(core, set, results)])
      return after(side.source === 'request' ? heldInStore(core, visitor) : NOT_ASKED, (stored) => ({
        ...told(core, whose, isGreeted),
        results: results.map((result) => ('field' in result ? { stamp: result.stamp, level } : result)),
        ...ticket,
        ...stored,
        held: [...held, ...stored.held],
      }))
    }),
  )
}

/** Tells the page of another visitor whose it is now: nothing of it was taken. */
export function dropped(core: SyncNeeds, whose: Whose): SyncAnswer {
  return { dropped: true, ...told(core, whose, false), results: [], held: whose.held }
}

function fieldsOf(results: Results): readonly Field[] {
  return results.flatMap((result) => ('field' in result ? result.field : []))
}

/** Of changes that were refused for what stands: the page may have to bring that to another process. */
function overtakenOf({ sessions }: SyncNeeds, set: Wanted['set'], results: Results): readonly Field[] {
  return set.flatMap(([key], index) => (results[index]?.stamp ? (sessions.fields.get(key) ?? []) : []))
}

function levelOf({ store }: SyncNeeds, visitor: Visitor, results: Results, { confirm }: Side): Awaitable<Level> {
  if (!store) return 'memory'
  const subjects = new Set(fieldsOf(results).map((field) => visitor.subject(field)))
  if (subjects.size === 0) return 'memory'
  const level = store.level(subjects)
  return confirm ? level.then(confirm) : level
}
