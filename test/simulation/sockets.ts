import { sameJson } from '../../shared/json.js'
import type { Browser } from './browser.js'
import { HIDDEN, OWN } from './builds.js'
import { redeemed } from './redemption.js'
import { type CookieState, hashOfBrowser, readClaims, readRegisters } from './registers.js'
import type { Harm } from './tally.js'
import { isAccepted, isSet, type Wire, type WireWatcher } from './wire.js'
import type { World } from './world.js'

/** Who opened a socket. A browser without a cookie of its own has an id that only the server knows. */
interface Visitor {
  readonly user: string | undefined
  readonly own: CookieState | undefined
}

/** Checks what the server says and takes over one browser's sockets. */
export class SocketChecker implements WireWatcher {
  readonly #world: World
  readonly #browser: Browser
  readonly #visitors = new WeakMap<Wire, Visitor>()

  constructor(world: World, browser: Browser) {
    this.#world = world
    this.#browser = browser
  }

  greeted(wire: Wire): void {
    const { knowledge } = this.#world
    const cookie = this.#world.cookie(wire.cookies)
    const user = this.#world.subOf(wire.user())
    const isGood = cookie !== undefined && knowledge.acceptsCookie(cookie)
    if (cookie?.user !== undefined && (user === undefined || !isGood))
      this.#fail(wire, 'is let in with a cookie that was given up')
    const own = isGood && cookie.user === user ? cookie : undefined
    this.#visitors.set(wire, { user, own })
    if (own) knowledge.learnCookie(own)
    // An answer is on its way that gives the browser another id: the server cannot know that this socket is its too.
    const isLeaving = this.#browser.exchanges.some(({ state, written }) => {
      return state === 'running' || (state === 'answered' && written && written.browser !== cookie?.browser)
    })
    wire.isOrphan = !own || isLeaving
  }

  refused(wire: Wire): void {
    const cookie = this.#world.cookie(wire.cookies)
    const isOwn = cookie !== undefined && cookie.user === this.#world.subOf(wire.user())
    if (isOwn && this.#world.knowledge.isGood(cookie)) this.#fail(wire, 'is refused for nothing')
  }

  opens(wire: Wire): void {
    // Its cookie is merged once more: memory may have forgotten it since.
    const { own } = this.#visitors.get(wire) ?? {}
    if (own && this.#world.knowledge.isGood(own)) this.#world.knowledge.learnCookie(own)
  }

  sent(wire: Wire, ticket: string): void {
    const { sub, changes, defaults, new: provisional } = readClaims(ticket)
    const { ledger, knowledge } = this.#world
    const visitor = this.#visitors.get(wire)
    if (defaults) {
      this.#greets(wire, visitor ?? {}, sub, provisional)
      wire.subs.push(sub)
    } else if (!wire.subs.includes(sub)) this.#fail(wire, `is sent a ticket of ${sub}, whom it is not`, 'foreign')
    this.#browser.tickets.push(ticket)
    const registers = readRegisters(changes)
    const isUser = sub === visitor?.user
    const reader = { sub, isUser, browser: this.#browser.index }
    if (registers.has(HIDDEN) || HIDDEN in (defaults ?? {})) this.#fail(wire, 'is sent a hidden field', 'foreign')
    this.#world.checkLater(() => {
      for (const [key, register] of registers) {
        const objection = ledger.protest(reader, key, register)
        if (objection !== undefined) this.#fail(wire, `is sent ${objection}`, 'foreign')
      }
    })
    if (!defaults) return
    for (const [key, { stamp }] of knowledge.floors.get(sub) ?? []) {
      if (!(key in this.#fields(wire)) || key === HIDDEN) continue
      // Where a user has signed in, the browser's subject tells what is the browser's own alone.
      if (!isUser && visitor?.user !== undefined && key !== OWN) continue
      if ((registers.get(key)?.stamp ?? 0) < stamp)
        this.#fail(wire, `is greeted without ${key} of stamp ${stamp}: ${JSON.stringify(changes)}`, 'lost')
    }
  }

  answered(wire: Wire, event: string, payload: unknown, answer: unknown): void {
    if (!isAccepted(answer)) return
    const [first, second = first] = wire.subs
    const { knowledge, ledger } = this.#world
    if (!isSet(event, payload)) {
      const { user, own } = this.#visitors.get(wire) ?? {}
      const identity = { user, browser: user === undefined ? first : second }
      const isFirst = own?.isFirst ?? false
      const redeemer = { before: identity, former: own?.former, isFirst, after: identity }
      const wrong = redeemed(this.#world, redeemer, Array.isArray(payload) ? payload : [])
      if (wrong !== undefined) this.#fail(wire, wrong)
      return
    }
    for (const [key, seen, value] of payload) {
      const sub = key === OWN ? second : first
      const floor = knowledge.floor(sub, key)
      const isConfirmed = seen >= 0 && floor?.stamp === answer.stamp
      if (floor && answer.stamp <= floor.stamp && !isConfirmed)
        this.#fail(wire, `${key}: the later write got stamp ${answer.stamp} after ${floor.stamp}`)
      if (seen >= 0 && floor && floor.stamp > seen && !isConfirmed && !sameJson(floor.value, value))
        this.#fail(
          wire,
          `${key} = ${JSON.stringify(value)}, sent again, is applied over what was written meanwhile`,
          'lost',
        )
      ledger.assign(value, sub, answer.stamp)
      knowledge.learn(sub, key, { stamp: answer.stamp, value })
    }
  }

  /** Written by the app's own handler on the server. */
  pushed(wire: Wire, key: string, value: number, stamp: number): void {
    const [first, second = first] = wire.subs
    const sub = key === OWN ? second : first
    this.#world.ledger.assign(value, sub, stamp)
    this.#world.knowledge.learn(sub, key, { stamp, value })
  }

  #greets(wire: Wire, { user, own }: Partial<Visitor>, sub: string, provisional: string | undefined): void {
    const isUser = wire.subs.length === 0 && user !== undefined
    const isOwn = isUser ? sub === user : own ? sub === own.browser : hashOfBrowser(provisional ?? '') === sub
    if (!isOwn) this.#fail(wire, `is greeted as ${sub}, whom it is not`, 'foreign')
    if (!isUser && !this.#world.ledger.settle(sub, this.#browser.index))
      this.#fail(wire, `is greeted as ${sub}, who is another browser`, 'foreign')
  }

  #fields({ process }: Wire): object {
    return Object.fromEntries([...process.core.sessions.fields.keys()].map((key) => [key, true]))
  }

  #fail(wire: Wire, what: string, harm?: Harm): void {
    this.#world.fail(`the socket of browser ${this.#browser.index} (${wire.user() ?? 'guest'}) ${what}`, harm)
  }
}
