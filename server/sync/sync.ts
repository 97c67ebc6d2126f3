// Orders the steps of an exchange with a page: limits, tickets, changes, store, answer.

import type { Field } from '../../shared/field.js'
import type { ParsedSync } from '../../shared/parse.js'
import { type Awaitable, after } from '../../shared/promise.js'
import type { Level, SyncAnswer } from '../../shared/protocol.js'
import type { Core } from '../core.js'
import type { PageIdentity } from '../identity/identification.js'
import type { Visitor } from '../ids/visitor.js'
import type { StoreSync } from '../store/store-sync.js'
import type { Outlet } from '../values/live-socket.js'
import { buildAnswer, type Extent, type StampsInStore, stampsInStore, ticketOf } from './answer.js'
import type { Bucket } from './limits.js'
import { applyChanges, type Requester, type Results } from './page-changes.js'
import { mergeTickets, verifyTickets } from './tickets.js'

/** The context of a page's exchange: the requester and the transport. */
export interface ExchangeContext extends Requester {
  readonly identity: PageIdentity
  /** The visitor in the page's tab. */
  readonly owner: Visitor
  /** The socket's bucket. */
  readonly bucket?: Bucket
  /** The socket that gets the answer; undefined for a POST, and for a message without an acknowledgement. */
  readonly outlet?: Outlet | undefined
  /** Called before anything is merged. May throw, to refuse the exchange as a whole. */
  beforeMerge?(this: void): void
  /** Called with the level of a write. Rejects with `superseded` if the visitor has turned out to have left. */
  recheck?(this: void, level: Level): Awaitable<Level>
}

/** For sockets: only a POST asks which stamps the store holds, so that no greeting over a socket waits for the store. */
const NOT_ASKED: Awaitable<StampsInStore> = { held: [] }

/**
 * Performs an exchange: merges a page's tickets, applies its changes, and answers. Tickets come first: the changes may be based on them.
 *
 * @throws {LiveSessionError} if the exchange is refused as a whole
 */
export function sync(
  core: Core,
  { tickets, set }: ParsedSync,
  context: ExchangeContext,
  extent: Extent,
): Awaitable<SyncAnswer> {
  const { identity, owner: visitor, outlet } = context
  // Counts tickets by the cost of verification: their changes were counted when they were made.
  const now = core.settings.clock()
  core.limits.spendTickets(tickets, identity, now)
  if (set.length > 0) core.limits.spend(set.length, identity, context.bucket, now)
  const verified = verifyTickets(core, tickets, visitor, now)
  context.beforeMerge?.()
  const overtaken = mergeTickets(core, verified, now)
  const results = set.length > 0 ? applyChanges(core, set, context) : []
  return after(results, (results) => {
    // Sign the ticket in this turn, so that the sockets get the same ticket, and before the store call, which then covers its writes.
    const ticket = ticketOf(
      core,
      visitor,
      [...fieldsOf(results), ...overtaken, ...overtakenOf(core, set, results)],
      outlet,
    )
    return after(core.store && levelsOf(core.store, visitor, results, context), (levels) =>
      after(context.source === 'socket' ? NOT_ASKED : stampsInStore(core, visitor), (stored) => {
        const answer = buildAnswer(core, identity, extent, visitor)
        return Object.assign(answer, ticket, stored, {
          results: results.map((one) =>
            'field' in one ? { stamp: one.stamp, level: levels?.get(visitor.subject(one.field)) ?? 'memory' } : one,
          ),
          held: [...answer.held, ...stored.held],
        })
      }),
    )
  })
}

/** Returns the answer to another visitor's page: the current identity, and no results, since nothing was applied. */
export function dropped(core: Core, identity: PageIdentity): SyncAnswer {
  return { dropped: true, ...buildAnswer(core, identity, 'greeting'), results: [] }
}

function fieldsOf(results: Results): readonly Field[] {
  return results.flatMap((result) => ('field' in result ? result.field : []))
}

/** The fields of changes refused because of a newer value: the page may have to bring that value to another process. */
function overtakenOf({ values }: Core, set: ParsedSync['set'], results: Results): readonly Field[] {
  return set.flatMap(([key], index) => (results[index]?.stamp ? (values.fields.get(key) ?? []) : []))
}

/** Resolves with the level of each subject's writes, so that a subject outside the store neither delays nor lowers the others. */
function levelsOf(
  store: StoreSync,
  visitor: Visitor,
  results: Results,
  { recheck = (level) => level }: ExchangeContext,
) {
  const subjects = [...new Set(fieldsOf(results).map((field) => visitor.subject(field)))]
  const levels = subjects.map(async (subject) => [subject, await recheck(await store.storedLevel([subject]))] as const)
  return levels[0] && Promise.all(levels).then((all) => new Map(all))
}
