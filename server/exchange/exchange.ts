// Carries out an exchange with a page, in the order of protocol.md: limits, tickets, changes, store, answer.

import type { ChangeSource } from '../../shared/change.js'
import { LiveSessionError } from '../../shared/errors.js'
import type { Field } from '../../shared/field.js'
import { acceptedAt } from '../../shared/idempotency-keys.js'
import type { ParsedMessage } from '../../shared/parse.js'
import type { Awaitable } from '../../shared/promise.js'
import type { ChangeResult, Level, PageAnswer } from '../../shared/protocol.js'
import type { LwwRegister } from '../../shared/register.js'
import { NEVER, type Stamp } from '../../shared/stamp.js'
import type { PageIdentity } from '../identity/identified.js'
import type { PageSocket } from '../memory/link.js'
import type { Settings } from '../settings/settings.js'
import type { StoreClient } from '../store/store-client.js'
import type { Subject } from '../subjects/subject.js'
import type { Visitor } from '../subjects/visitor.js'
import type { PageTickets } from '../values/page-tickets.js'
import type { Values } from '../values/values.js'
import type { Answers, Include } from './answer.js'
import { decide, type Group, inOrder, type PageChange, readChanges, trustedBase, writeList } from './decide.js'
import type { Bucket, Limits } from './limits.js'
import { refusalOf } from './refusal.js'
import type { TicketVerifier } from './verify-tickets.js'

/** The context of a page's exchange: the visitor, the rules and the transport. */
export interface ExchangeContext {
  readonly identity: PageIdentity
  /** The visitor with the page's tab: the owner of the page's values. */
  readonly owner: Visitor
  readonly source: ChangeSource
  /** The request of a POST. */
  readonly request?: object
  readonly bucket?: Bucket
  /** The socket that gets the answer; undefined for a POST, and for a message without an acknowledgement. */
  readonly socket?: PageSocket | undefined
  /** Called after the tickets are verified and before they are merged. May throw to refuse the whole exchange. */
  beforeMerge?(this: void): void
  /**
   * Called before each group of changes, because the visitor may leave while an earlier group waits for a store call.
   *
   * @throws {LiveSessionError} `superseded` if the visitor has left
   */
  permit(this: void): void
  /** Called with the level of each write. Rejects with `superseded` if the visitor turns out to have left before the write. */
  recheck?(this: void, level: Level): Awaitable<Level>
  onRefusal(this: void, error: LiveSessionError): void
}

/** The state of an exchange. Its changes are applied already, or once `applied` resolves. */
interface Progress {
  /** The fields whose values in tickets are outdated. */
  readonly overtaken: readonly Field[]
  readonly changes: readonly PageChange[]
  readonly applied: Promise<unknown> | undefined
}

export interface ExchangeParts {
  readonly settings: Settings
  readonly limits: Limits
  readonly verifier: TicketVerifier
  readonly values: Values
  readonly pageTickets: PageTickets
  readonly store: StoreClient | undefined
  readonly answers: Answers
}

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
  run({ tickets, set }: ParsedMessage, context: ExchangeContext, include: Include): Promise<PageAnswer> {
    const { settings, limits, verifier, values, store } = this.#parts
    const { identity, owner } = context
    // Counts only the cost of verifying the tickets. The changes in a ticket were counted when the page made them.
    const now = settings.clock()
    limits.spendTickets(tickets, identity, now)
    if (set.length > 0) limits.spend(set.length, identity, context.bucket, now)
    const verified = verifier.verify(tickets, owner, now)
    context.beforeMerge?.()
    const overtaken = verifier.merge(verified, now)
    const isStored = (field: Field): boolean => store?.updatesOf(owner.subject(field)) !== undefined
    const rules = { fields: values.fields, isGuest: owner.user === undefined, isStored }
    const changes = set.length > 0 ? readChanges(set, rules) : []
    const applied = set.length > 0 ? this.#apply(inOrder(changes), context) : undefined
    return this.#answer(context, include, { overtaken, changes, applied })
  }

  /** Calls `act` after the turn's tickets are sent. */
  afterFlush(act: () => void): void {
    this.#parts.pageTickets.afterFlush(act)
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
   * Decides groups, and writes their registers. Returns undefined if no store call is needed; else a promise that resolves when all groups
   * are decided: a group waits for the store calls of earlier changes of its keys.
   *
   * @throws {LiveSessionError} `closed`
   */
  #apply(groups: readonly Group[], context: ExchangeContext): Promise<unknown> | undefined {
    const { values, settings } = this.#parts
    const { owner, source } = context
    const register = (field: Field): LwwRegister | undefined => values.find(owner.subject(field))?.register(field.key)
    const open = new Set<Group>()
    const waiting: Group[] = []
    const calls: Promise<void>[] = []
    for (const group of groups) {
      const isWaiting = open.size > 0 && group.some(({ previous }) => previous && open.has(previous.group))
      if (isWaiting) waiting.push(group)
      else if (!isPermitted(group, context)) continue
      else if (group[0]?.isListed) calls.push(this.#update(group, context))
      else {
        const { written, same } = decide(group, register, settings.clock())
        values.writeRegisters(written, owner, source)
        for (const field of same) values.persistAgain(owner.subject(field), field.key)
        continue
      }
      open.add(group)
    }
    if (calls.length === 0) return undefined
    return Promise.all(calls).then(() => this.#apply(waiting, context))
  }

  /** Applies a list of updates in the store, and sets their outcomes. */
  async #update(list: Group, context: ExchangeContext): Promise<void> {
    const { store, values, settings } = this.#parts
    const { owner, source, permit } = context
    const [first, last] = [list[0], list.at(-1)]
    if (!first?.field || !last) return
    const { key, field } = first
    const subject = owner.subject(field)
    const register = (): LwwRegister | undefined => values.find(subject)?.register(key)
    try {
      const base = trustedBase(first, register(), settings.clock())
      const write = (current: LwwRegister | undefined, stamp: Stamp): LwwRegister =>
        writeList(list, current, stamp, settings.clock())
      const stamp = await store?.updatesOf(subject)?.apply(subject, last.id, { field, write, permit, source, base })
      // Without an answer of the store, another process may have accepted the list under other stamps.
      const isOurs = last.outcome === stamp
      for (const change of list)
        change.outcome = (isOurs ? change.outcome : undefined) ?? acceptedAt(register(), change.id) ?? stamp
    } catch (error) {
      const refused = refusal(error)
      // An earlier attempt may have been accepted before the other write.
      for (const change of list)
        change.outcome = (refused.code === 'conflict' ? acceptedAt(register(), change.id) : undefined) ?? refused
    }
  }

  async #answer(
    context: ExchangeContext,
    include: Include,
    { overtaken, changes, applied }: Progress,
  ): Promise<PageAnswer> {
    const { identity, owner, request, socket, source } = context
    const { answers, pageTickets, store } = this.#parts
    // Does not await changes that are decided already, because a ticket signed in this turn also goes to the other sockets. The store call
    // comes later, and waits for all writes in the ticket.
    if (applied !== undefined) await applied
    const accepted: Field[] = []
    const newer: Field[] = []
    const refusals = new Set<LiveSessionError>()
    for (const { field, outcome } of changes) {
      if (outcome instanceof LiveSessionError) {
        refusals.add(outcome)
        // The ticket includes the newer value, because the page may need it at another process.
        if (field && outcome.current?.stamp) newer.push(field)
      } else if (field) accepted.push(field)
    }
    for (const error of refusals) context.onRefusal(error)
    const ticket = pageTickets.answerTicket(owner, [...accepted, ...overtaken, ...newer], socket)
    const levels = store && (await levelsOf(store, owner, accepted, context))
    // Asks for the stamps in the store only for a POST, so that no greeting over a socket waits for the store.
    const { persisted, unsaved }: Pick<PageAnswer, 'persisted' | 'unsaved'> =
      source === 'socket' ? { persisted: [] } : await answers.stampsInStore(owner, request)
    const results = changes.map(({ field, outcome = NEVER }): ChangeResult => {
      if (outcome instanceof LiveSessionError) return refusalOf(outcome).result
      return { stamp: outcome, level: levels?.get(owner.subject(field)) ?? 'memory' }
    })
    return answers.build(identity, include, { results, ticket, persisted, unsaved }, owner)
  }
}

/** Returns whether the visitor may still write; else refuses the group. */
function isPermitted(group: Group, { permit }: ExchangeContext): boolean {
  try {
    permit()
    return true
  } catch (error) {
    const refused = refusal(error)
    for (const change of group) change.outcome = refused
    return false
  }
}

function refusal(error: unknown): LiveSessionError {
  if (!(error instanceof LiveSessionError) || error.code === 'closed') throw error
  return error
}

/** Resolves with the level of each subject's writes: a subject that is never stored must not delay or lower the level of others. */
async function levelsOf(
  store: StoreClient,
  owner: Visitor,
  fields: readonly Field[],
  { recheck = (level) => level }: ExchangeContext,
): Promise<ReadonlyMap<Subject, Level>> {
  const subjects = [...new Set(fields.map((field) => owner.subject(field)))]
  const levels = subjects.map(async (subject) => [subject, await recheck(await store.storedLevel([subject]))] as const)
  return new Map(await Promise.all(levels))
}
