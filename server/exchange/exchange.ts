// Orders the steps of an exchange with a page: limits, tickets, changes, store, answer.

import type { Field } from '../../shared/field.js'
import type { ParsedMessage } from '../../shared/parse.js'
import { type Awaitable, isThenable } from '../../shared/promise.js'
import type { Level, PageAnswer } from '../../shared/protocol.js'
import type { PageIdentity } from '../identity/identified.js'
import type { Settings } from '../settings/settings.js'
import type { StoreClient } from '../store/store-client.js'
import type { Subject } from '../subjects/subject.js'
import type { Visitor } from '../subjects/visitor.js'
import type { LiveSocket } from '../types/live-socket.js'
import type { Values } from '../values/values.js'
import type { Answers, Include } from './answer.js'
import type { Bucket, Limits } from './limits.js'
import { applyChanges, type ChangeContext, type Results } from './page-changes.js'
import type { TicketVerifier } from './verify-tickets.js'

/** The context of a page's exchange: the visitor, the rules and the transport. */
export interface ExchangeContext extends ChangeContext {
  readonly identity: PageIdentity
  /** The visitor with the page's tab: the owner of the page's values. */
  readonly owner: Visitor
  readonly bucket?: Bucket
  /** The socket that gets the answer; undefined for a POST, and for a message without an acknowledgement. */
  readonly socket?: LiveSocket | undefined
  /** Called after the tickets are verified and before they are merged. May throw to refuse the whole exchange. */
  beforeMerge?(this: void): void
  /** Called with the level of each write. Rejects with `superseded` if the visitor turns out to have left before the write. */
  recheck?(this: void, level: Level): Awaitable<Level>
}

/** The state of an exchange after its changes were applied. */
interface Progress {
  readonly set: ParsedMessage['set']
  readonly overtaken: readonly Field[]
  readonly results: Awaitable<Results>
}

export interface ExchangeParts {
  readonly settings: Settings
  readonly limits: Limits
  readonly verifier: TicketVerifier
  readonly values: Values
  readonly store: StoreClient | undefined
  readonly answers: Answers
}

/** Exchanges messages with pages. */
export class Exchange {
  readonly #parts: ExchangeParts

  constructor(parts: ExchangeParts) {
    this.#parts = parts
  }

  /**
   * Performs an exchange: merges a page's tickets, applies its changes, and answers. Merges tickets first, because changes may be based on
   * their values. Refuses synchronously: the limit of malformed messages must count each refusal before the next message.
   *
   * @throws {LiveSessionError} if the whole exchange is refused
   */
  run(message: ParsedMessage, context: ExchangeContext, include: Include): Promise<PageAnswer> {
    const { settings, limits, verifier } = this.#parts
    const { tickets, set } = message
    const { identity, owner: visitor } = context
    // Counts only the cost of verifying the tickets. The changes in a ticket were counted when the page made them.
    const now = settings.clock()
    limits.spendTickets(tickets, identity, now)
    if (set.length > 0) limits.spend(set.length, identity, context.bucket, now)
    const verified = verifier.verify(tickets, visitor, now)
    context.beforeMerge?.()
    const overtaken = verifier.merge(verified, now)
    const results = set.length > 0 ? applyChanges(this.#parts, set, context) : []
    return this.#answer(context, include, { set, overtaken, results })
  }

  async #answer(
    context: ExchangeContext,
    include: Include,
    { set, overtaken, results: pending }: Progress,
  ): Promise<PageAnswer> {
    const { identity, owner: visitor, socket, source } = context
    const { answers, store } = this.#parts
    // Signs the ticket in this turn if possible, so that other sockets get the same ticket. So does not await results that are already
    // known. The store call comes later, and waits for all writes in the ticket.
    const results = isThenable(pending) ? await pending : pending
    const changed = [...fieldsOf(results), ...overtaken, ...this.#overtakenOf(set, results)]
    const ticket = answers.ticketOf(visitor, changed, socket)
    const levels = store && (await levelsOf(store, visitor, results, context))
    // Asks for the stamps in the store only for a POST, so that no greeting over a socket waits for the store.
    const { persisted, unsaved }: Pick<PageAnswer, 'persisted' | 'unsaved'> =
      source === 'socket' ? { persisted: [] } : await answers.stampsInStore(visitor)
    const answered = results.map((one) =>
      'field' in one ? { stamp: one.stamp, level: levels?.get(visitor.subject(one.field)) ?? 'memory' } : one,
    )
    return answers.build(identity, include, { results: answered, ticket, persisted, unsaved }, visitor)
  }

  /**
   * Returns the answer to another visitor's page: a greeting of the current visitor, without results, because no change was applied.
   *
   * @param tabVisitor the visitor with the connection's tab
   */
  answerOtherVisitor(identity: PageIdentity, tabVisitor?: Visitor): PageAnswer {
    return this.#parts.answers.build(
      identity,
      'greeting',
      { otherVisitor: true, results: [], persisted: [] },
      tabVisitor,
    )
  }

  /**
   * Returns the fields of changes refused because of a newer value. The ticket includes these values, because the page may need them at
   * another process.
   */
  #overtakenOf(set: ParsedMessage['set'], results: Results): readonly Field[] {
    const { values } = this.#parts
    return set.flatMap(([key], index) => (results[index]?.stamp ? (values.fields.get(key) ?? []) : []))
  }
}

function fieldsOf(results: Results): readonly Field[] {
  return results.flatMap((result) => ('field' in result ? result.field : []))
}

/**
 * Resolves with the level of each subject's writes. Subjects are separate: one that is never stored must neither delay nor lower the
 * others.
 */
async function levelsOf(
  store: StoreClient,
  visitor: Visitor,
  results: Results,
  { recheck = (level) => level }: ExchangeContext,
): Promise<ReadonlyMap<Subject, Level>> {
  const subjects = [...new Set(fieldsOf(results).map((field) => visitor.subject(field)))]
  const levels = subjects.map(async (subject) => [subject, await recheck(await store.storedLevel([subject]))] as const)
  return new Map(await Promise.all(levels))
}
