import { sameJson } from '../../shared/json.js'
import type { Browser } from './browser.js'
import { HIDDEN, OWN } from './builds.js'
import { stranger, type Visitor } from './knowledge.js'
import { redeemed } from './redemption.js'
import { hashOfBrowser, readClaims, readRegisters } from './registers.js'
import { isAccepted, isSet, type Wire, type WireWatcher } from './wire.js'
import type { World } from './world.js'

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
    const cookie = this.#world.cookie(wire.cookies)
    const visitor = this.#visitor(wire)
    this.#visitors.set(wire, visitor)
    // An answer is on its way that gives the browser another id: nobody can tell the server that this socket is its too.
    const isLeaving = this.#browser.exchanges.some(({ state, response }) => {
      if (state === 'running') return true
      const text = state === 'answered' ? response?.cookies.find(([name]) => name === 'live')?.[1] : undefined
      return text !== undefined && this.#world.cookie(`live=${text}`)?.browser !== cookie?.browser
    })
    wire.isOrphan = !visitor.own || !cookie || isLeaving || this.#world.knowledge.retired.has(cookie.browser)
  }

  opens(wire: Wire): void {
    // Its cookie is merged once more: memory may have forgotten it since.
    const { own, user, browser } = this.#visitors.get(wire) ?? {}
    for (const [key, register] of own?.registers ?? [])
      this.#world.knowledge.learn(key === OWN ? browser : (user ?? browser), key, register)
  }

  sent(wire: Wire, ticket: string): void {
    const { sub, changes, defaults, new: provisional } = readClaims(ticket)
    const { ledger, knowledge } = this.#world
    const visitor = this.#visitors.get(wire)
    if (defaults) {
      this.#greets(wire, visitor, sub, provisional)
      wire.subs.push(sub)
    } else if (!wire.subs.includes(sub)) this.#fail(wire, `is sent a ticket of ${sub}, whom it is not`)
    this.#browser.tickets.push(ticket)
    const registers = readRegisters(changes)
    const isUser = sub === visitor?.user
    const reader = { sub, isUser, browser: this.#browser.index }
    if (registers.has(HIDDEN) || HIDDEN in (defaults ?? {})) this.#fail(wire, 'is sent a hidden field')
    this.#world.checkLater(() => {
      for (const [key, register] of registers) {
        const objection = ledger.objection(reader, key, register)
        if (objection !== undefined) this.#fail(wire, `is sent ${objection}`)
      }
    })
    if (!defaults) return
    for (const [key, { stamp }] of knowledge.floors.get(sub) ?? []) {
      if (!(key in this.#fields(wire)) || key === HIDDEN) continue
      if ((registers.get(key)?.stamp ?? 0) < stamp)
        this.#fail(wire, `is greeted without ${key} of stamp ${stamp}: ${JSON.stringify(changes)}`)
    }
  }

  answered(wire: Wire, event: string, payload: unknown, answer: unknown): void {
    if (!isAccepted(answer)) return
    const [first, second = first] = wire.subs
    const { knowledge, ledger } = this.#world
    if (!isSet(event, payload)) {
      const visitor = this.#visitors.get(wire)
      if (!visitor || !Array.isArray(payload)) return
      const known = visitor.user === undefined ? { ...visitor, browser: first } : { ...visitor, browser: second }
      const wrong = redeemed({ world: this.#world, visitor: known, home: this.#browser.index }, payload)
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
        this.#fail(wire, `${key} = ${JSON.stringify(value)}, sent again, is applied over what was written meanwhile`)
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

  /** The visitor of a handshake, which changes nothing: one whose cookie is somebody else's gets what only the server knows. */
  #visitor({ cookies, user: userId }: Wire): Visitor {
    const { knowledge } = this.#world
    const cookie = this.#world.cookie(cookies)
    const user = this.#world.subOf(userId())
    if (!cookie || cookie.user === user) return knowledge.recognize(cookie, user)
    return stranger(user)
  }

  #greets(wire: Wire, visitor: Visitor | undefined, sub: string, provisional: string | undefined): void {
    if (provisional !== undefined && hashOfBrowser(provisional) === sub)
      this.#world.ledger.settle(sub, this.#browser.index)
    const { user, browser } = visitor ?? {}
    const isOwn = wire.subs.length === 0 && user !== undefined ? sub === user : browser === undefined || sub === browser
    if (!isOwn) this.#fail(wire, `is greeted as ${sub}, whom it is not`)
  }

  #fields({ process }: Wire): object {
    return Object.fromEntries([...process.core.sessions.fields.keys()].map((key) => [key, true]))
  }

  #fail(wire: Wire, what: string): void {
    this.#world.fail(`the socket of browser ${this.#browser.index} (${wire.user() ?? 'nobody'}) ${what}`)
  }
}
