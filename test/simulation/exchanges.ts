import { sameJson } from '../../shared/json.js'
import type { ChangeResult, PageAnswer, PageMessage, WireChange } from '../../shared/protocol.js'
import { type Before, itemsOf, lacking, type Met, metAfter, overOf } from './baskets.js'
import type { Browser } from './browser.js'
import { ADDED_TO, HIDDEN, isValidItem, OWN, STORED } from './builds.js'
import type { ServerNode } from './deployment.js'
import { tornApart } from './page-changes.js'
import type { PageChecker } from './pages.js'
import { type CookieState, changesOf, isNewer, type Register, readClaims } from './registers.js'
import type { Tab } from './tab.js'
import { type Harm, note } from './tally.js'
import { isOwnTicket, redeemed } from './tickets.js'
import { greetingFault } from './visit.js'
import { isSame, type Whose } from './whos.js'
import type { World } from './world.js'

export interface Speaker {
  readonly node: ServerNode
  readonly browser: Browser
  readonly tab: Tab | undefined
  /** Hashes of subjects; `sub` may be unknown on a connection without a cookie. */
  readonly user: string | undefined
  readonly sub: string | undefined
  /** The live cookie of the request, if this visitor's. */
  readonly own: CookieState | undefined
  readonly hasConsent: boolean
  /** Whether the browser's own values end with the connection. */
  readonly isLocal: boolean
  /** Whether its visitor has left the browser, or was revoked. */
  readonly isGone: boolean
}

interface Circumstances {
  readonly ticket: string | undefined
  readonly whose: Whose
  readonly met: Met
  readonly before: Before
}

export interface Look {
  readonly rights: readonly boolean[]
  readonly met: ReadonlyMap<string, Met>
  readonly floors: ReadonlyMap<string, ReadonlyMap<string, Register>>
}

type Fail = (what: string, harm?: Harm) => void

/** Checks a message and its answer, over a socket or by POST. */
export class ExchangeChecker {
  readonly #world: World
  readonly #pages: PageChecker

  constructor(world: World, pages: PageChecker) {
    this.#world = world
    this.#pages = pages
  }

  look(speaker: Speaker, { tickets = [], set = [] }: PageMessage): Look {
    const { node, tab, user, sub } = speaker
    const { knowledge } = node
    const met = set.map((change) => {
      const [key, , id, value] = change
      const owner = subjectOf(speaker, key)
      if (owner !== undefined) this.#world.ledger.arrives(value, owner)
      if (owner !== undefined && id !== '') this.#world.baskets.arrives(owner, change)
      const isBrought = this.#isBrought(node, key)
      const heard = tab && owner !== undefined && isBrought ? this.#pages.stampOf(tab, owner, key, knowledge) : 0
      const floor = knowledge.floor(owner, key)
      const generation = owner === undefined ? 0 : knowledge.generation(owner)
      return [key, { floor, standing: merged(floor, owner, key, tickets), heard, generation }] as const
    })
    const floors = [user, sub].flatMap((one) =>
      one === undefined ? [] : [[one, new Map(knowledge.floors.get(one))] as const],
    )
    const redeemer = { node, identity: { user, browser: sub ?? '' } }
    return {
      rights: tickets.map((ticket) => isOwnTicket(ticket, redeemer)),
      met: new Map(met),
      floors: new Map(floors),
    }
  }

  drops(answer: PageAnswer, fail: Fail): void {
    note('a page is dropped')
    if (answer.results.length > 0 || answer.ticket !== undefined)
      fail(`is dropped, but applied: ${JSON.stringify(answer)}`, 'foreign')
  }

  takes(
    speaker: Speaker,
    { tickets = [], set = [] }: PageMessage,
    { results, ticket }: PageAnswer,
    whose: Whose,
    look: Look,
    fail: Fail,
  ): void {
    const redeemer = { node: speaker.node, identity: { user: speaker.user, browser: speaker.sub ?? '' } }
    const onNews = (sub: string, key: string, stamp: number): void =>
      this.#world.duties.tells(speaker.node, sub, key, stamp)
    const wrong = redeemed(redeemer, tickets, onNews, look.rights)
    if (wrong !== undefined) fail(wrong, 'foreign')
    if (results.length !== set.length) fail(`gets ${results.length} results for ${set.length} changes`)
    const torn = tornApart(set, results)
    if (torn !== undefined) fail(torn, 'other')
    for (const [index, change] of set.entries()) {
      const [sub, result] = [subjectOf(speaker, change[0]), results[index]]
      if (sub !== undefined && change[2] !== '' && result && 'level' in result)
        this.#world.baskets.arrives(sub, change, result.stamp)
    }
    const lists = new Map<string, Before>()
    for (const [index, change] of set.entries()) {
      const result = results[index]
      if (!result) continue
      const [key, , , value] = change
      const before = lists.get(key)
      if ('code' in result) this.#refuses(speaker, change, mates(set, change), result, fail)
      else
        this.#wrote(speaker, change, result, { ticket, whose, met: metAfter(look.met.get(key), before), before }, fail)
      lists.set(key, 'code' in result ? 'refused' : { stamp: result.stamp, value })
    }
  }

  /** Checks which registers an answer reports as held by the request's cookie or by the store. */
  holds(
    { node, own, user, sub, hasConsent }: Speaker,
    { persisted: held, hasCookie: kept }: PageAnswer,
    fail: Fail,
  ): void {
    if ((kept === true) !== (own !== undefined && hasConsent))
      fail(`is told that its browser keeps the cookie: ${kept}`, 'lost')
    const isReadable = (key: string): boolean => node.isDeclared(key) && key !== HIDDEN
    const registers = [...(own?.registers ?? [])].filter(([key]) => isReadable(key))
    const expected = registers.map(([key, { stamp }]) => `${key} ${stamp}`).sort()
    // For keys outside cookies, the store is the proof.
    const stamp = held.find(([key]) => key === STORED)?.[1] ?? 0
    if (stamp > 0 && !this.#world.validity.isStored(user ?? sub ?? '', STORED, stamp))
      fail(`is told that ${STORED} is stored at ${stamp}, but it is not`, 'lost')
    const found = held.flatMap(([key, stamp]) => (key === STORED ? [] : `${key} ${stamp}`)).sort()
    if (expected.join() !== found.join()) fail(`is told that its cookie held [${found}], not [${expected}]`, 'lost')
  }

  /** @param isDue whether the page must be greeted; undefined if either is allowed */
  greets(
    { node, browser, user }: Speaker,
    { who, greeting }: PageAnswer,
    whose: Whose,
    isDue: boolean | undefined,
    floors: Look['floors'],
    fail: Fail,
  ): void {
    const fault = this.#world.whos.fault(who, whose)
    if (fault !== undefined) fail(fault, 'foreign')
    if (isDue !== undefined && isDue !== (greeting !== undefined))
      fail(`has a wrong greeting: ${greeting !== undefined}`)
    if (!greeting) return
    const wrong = greetingFault(greeting, whose)
    if (wrong !== undefined) fail(wrong, 'foreign')
    for (const ticket of greeting) {
      this.says(node, browser, ticket, user, fail)
      const claims = readClaims(ticket)
      const { sub, changes } = claims
      const registers = changesOf(claims)
      for (const [key, register] of floors.get(sub) ?? []) {
        const { stamp } = register
        if (!node.isDeclared(key) || key === HIDDEN) continue
        // The store's answer before a greeting may reveal an erasure.
        if (!node.knowledge.isLasting(sub, register)) continue
        // For a signed-in user, the browser's subject has only the browser's own keys.
        if (sub !== user && user !== undefined && key !== OWN) continue
        if ((registers.get(key)?.stamp ?? 0) < stamp)
          fail(`is greeted without ${key} of stamp ${stamp}: ${JSON.stringify(changes)}`, 'lost')
      }
    }
  }

  /** Checks a ticket for a browser: no value may be another visitor's. */
  says(node: ServerNode, browser: Browser, ticket: string, user: string | undefined, fail: Fail): void {
    const claims = readClaims(ticket)
    const { sub, epoch, generation = 0 } = claims
    const { knowledge } = node
    browser.tickets.push(ticket)
    const registers = changesOf(claims)
    const isUser = sub === user
    const least = isUser ? knowledge.epochOf(sub) : 0
    const reader = { sub, isUser, browser: browser.index, generation }
    if (registers.has(HIDDEN)) fail('is sent a hidden field', 'foreign')
    this.#world.checkLater(() => {
      if (epoch < least || epoch > (isUser ? knowledge.epochOf(sub) : 0)) fail(`is sent a ticket of epoch ${epoch}`)
      for (const [key, register] of registers) {
        const objection = this.#world.ledger.protest(reader, key, register)
        if (objection !== undefined) fail(`is sent ${objection}`, 'foreign')
      }
    })
  }

  /** Whether a node must know the registers of the page's tickets; otherwise a change may get an earlier stamp than a fast clock gave. */
  #isBrought(node: ServerNode, key: string): boolean {
    // No page brings a key outside cookies, so only a single node with a working store must know the key.
    if (key === STORED) return this.#world.nodes.length === 1 && node.line?.isWell === true
    // A page brings tickets at its connection, not before each change, so a node may miss a POST to another node.
    return this.#world.deployment.isTold(node)
  }

  #wrote(
    speaker: Speaker,
    change: WireChange,
    { stamp, level }: Extract<ChangeResult, { readonly level: unknown }>,
    { ticket, whose, met, before }: Circumstances,
    fail: Fail,
  ): void {
    const { node, tab, own, isLocal } = speaker
    const [key, base, id, value] = change
    const sub = subjectOf(speaker, key)
    if (sub === undefined) return
    const { floor, standing, heard } = met
    const { baskets, duties, ledger } = this.#world
    const over = overOf(base, before, standing)
    const said = registerIn(ticket, key, stamp)
    const next = registerIn(ticket, key, stamp + 1)
    const isKnown = baskets.isKnown(sub, change, stamp, next)
    const isTaken = id !== '' && floor !== undefined && lacking(value, floor.value) === undefined
    // A value known to the node, even from a ticket, is not written again.
    const isCurrent = floor?.stamp === stamp || (standing?.stamp === stamp && sameJson(standing.value, value))
    const isConfirmed = isKnown || isTaken || (over >= 0 && isCurrent)
    const taker = { node, browser: speaker.browser, sub }
    const fault = id === '' ? undefined : baskets.fault(taker, change, stamp, { over, standing, heard, next })
    if (fault !== undefined) fail(fault, 'lost')
    if (id !== '' && before === 'refused' && !isConfirmed)
      fail(`${key} = ${JSON.stringify(value)} is accepted without the refused change before it`, 'lost')
    if (floor && stamp <= floor.stamp && !isConfirmed)
      fail(`${key}: the later write got stamp ${stamp} after ${floor.stamp}`)
    if (over >= 0 && floor && floor.stamp > over && !isConfirmed && !sameJson(floor.value, value))
      fail(`${key} = ${JSON.stringify(value)}, a retry, is applied over a newer value`, 'lost')
    if (tab && own && over < 0 && heard >= stamp)
      fail(`${key}: a page’s change got an earlier stamp than the page has seen`, 'lost')
    if (tab) this.#pages.moved(tab, key, value, whose, sub)
    // If the ticket lacks the change, the user was erased since, together with the earlier writes.
    const claims = ticket === undefined ? undefined : readClaims(ticket)
    const generation = claims?.sub === sub ? (claims.generation ?? 0) : met.generation
    ledger.assign(value, sub, stamp, generation)
    // A ticket has a single subject, so a change of another subject is known only from the change itself.
    const isUntold = claims?.sub !== sub && !isConfirmed
    const register = id === '' || isUntold ? { stamp, value, generation } : said
    // A change taken before may have been rebased and superseded since.
    if (!register) return
    const isThere = ledger.stampOf(value, [sub]) > 0 || floor?.stamp === stamp
    const isNew = over < 0 || (id === '' ? value !== undefined && !isThere : !isConfirmed)
    const isLasting = !isLocal || sub === speaker.user
    if (isNew && isLasting) duties.wrote(node, sub, key, register)
    else duties.confirmed(node, sub, key, register)
    if (isLasting) duties.acknowledged(node, sub, key, register, level)
    if (isLasting && id !== '') duties.taken(node, sub, key, register)
  }

  /** Checks that a change is refused for a reason, such as a newer value, an invalid value or an undeclared key. */
  #refuses(
    speaker: Speaker,
    change: WireChange,
    together: readonly string[],
    { code, stamp, value }: Extract<ChangeResult, { readonly code: unknown }>,
    fail: Fail,
  ): void {
    const { node, browser, user, isGone } = speaker
    const [key, over, id, wanted] = change
    note(`a change is refused: ${code}`)
    const sub = subjectOf(speaker, key)
    if (code === 'undeclared_key' && !together.every((one) => node.isDeclared(one))) return
    if (code === 'invalid_value' && key === ADDED_TO && !itemsOf(wanted).every(isValidItem)) return
    if (code === 'conflict' && sub !== undefined) this.#world.baskets.refuses(node, sub, change)
    // The refusal of a change that waited for the store reveals nothing to a departed visitor.
    if (isGone && id !== '' && code === 'superseded' && stamp === undefined) return
    // The store may have taken the change, so the page resends the change.
    if (id !== '' && code === 'store_unavailable' && stamp === undefined && (node.line?.troubles ?? 0) > 0) return
    const expected = id === '' ? 'superseded' : 'conflict'
    if (code !== expected || over < 0) fail(`is refused ${JSON.stringify(change)} as ${code}`)
    if (stamp !== undefined && stamp <= over)
      fail(`is refused ${JSON.stringify(change)} for ${stamp}, which the page knew`)
    if (id === '' && value !== undefined && sameJson(value, wanted))
      fail(`is refused ${JSON.stringify(change)}, but has the current value`)
    const reader = { sub, isUser: user !== undefined && sub === user, browser: browser.index, generation: 0 }
    const objection = this.#world.ledger.protest(reader, key, { stamp: stamp ?? 0, value })
    if (objection !== undefined) fail(`is told ${objection}`, 'foreign')
  }
}

function mates(set: readonly WireChange[], [key, , , , name]: WireChange): readonly string[] {
  return name === undefined ? [key] : set.flatMap(([one, , , , other]) => (other === name ? one : []))
}

function subjectOf({ user, sub }: Speaker, key: string): string | undefined {
  return key === OWN ? sub : (user ?? sub)
}

/** Returns the register after the merge of the tickets, which precedes the changes. */
function merged(
  floor: Register | undefined,
  owner: string | undefined,
  key: string,
  tickets: readonly string[],
): Register | undefined {
  return tickets.reduce((standing, ticket) => {
    const claims = readClaims(ticket)
    const brought = claims.sub === owner ? changesOf(claims).get(key) : undefined
    return brought && isNewer(brought, standing) ? brought : standing
  }, floor)
}

/** Returns the register of this stamp, if still in the ticket. */
function registerIn(ticket: string | undefined, key: string, stamp: number): Register | undefined {
  const register = ticket === undefined ? undefined : changesOf(readClaims(ticket)).get(key)
  return register?.stamp === stamp ? register : undefined
}

export function isOf(named: Whose | undefined, whose: Whose): boolean {
  return named !== undefined && isSame(named, whose)
}
