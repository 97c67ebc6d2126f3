import { sameJson } from '../../shared/json.js'
import type { StoreAnswer, WireChange } from '../../shared/protocol.js'
import type { Exchange } from './browser.js'
import { builds, HIDDEN, OWN } from './builds.js'
import type { Visitor } from './knowledge.js'
import { redeemed } from './redemption.js'
import { cookieIn } from './registers.js'
import type { RequestChecker } from './requests.js'
import type { World } from './world.js'

interface Posted {
  readonly tickets?: readonly string[]
  readonly set?: readonly WireChange[]
}

/** Checks what came of a POST to the endpoint. Says whose values its `held` was about. */
export class PostChecker {
  readonly #world: World
  readonly #requests: RequestChecker

  constructor(world: World, requests: RequestChecker) {
    this.#world = world
    this.#requests = requests
  }

  answered(exchange: Exchange): Visitor | undefined {
    const { response, outgoing } = exchange
    if (!response) return undefined
    const { visitor } = this.#requests.begin(exchange)
    const isAccepted = response.statusCode === 200
    if (isAccepted) this.#requests.due(exchange)
    const { tickets = [], set = [] }: Posted = JSON.parse(outgoing.body ?? '{}')
    const answer: Partial<StoreAnswer> = JSON.parse(response.body)
    if (isAccepted) {
      this.#settle(exchange, visitor)
      const wrong = redeemed({ world: this.#world, visitor, home: exchange.browser.index }, tickets)
      if (wrong !== undefined) this.#fail(exchange, wrong)
      for (const change of set) this.#wrote(exchange, visitor, change, answer.stamp ?? 0)
      this.#held(exchange, visitor, answer.held ?? [])
    }
    this.#requests.answered(exchange, false)
    return visitor
  }

  /** The id that the answer's cookie gives the browser is the one that tickets were brought to. */
  #settle(exchange: Exchange, visitor: Visitor): void {
    const text = exchange.response?.cookies.find(([name]) => name === 'live')?.[1]
    const cookie = text === undefined ? undefined : this.#world.cookie(`live=${text}`)
    if (!cookie || visitor.browser !== undefined) return
    this.#world.ledger.settle(cookie.browser, exchange.browser.index)
    this.#world.knowledge.settle(visitor, cookie.browser)
  }

  #wrote(exchange: Exchange, { user, browser }: Visitor, [key, seen, value]: WireChange, stamp: number): void {
    const { knowledge, ledger } = this.#world
    const sub = key === OWN ? browser : (user ?? browser)
    const floor = knowledge.floor(sub, key)
    const isConfirmed = seen >= 0 && floor?.stamp === stamp
    if (floor && stamp <= floor.stamp && !isConfirmed)
      this.#fail(exchange, `${key}: the later write got stamp ${stamp} after ${floor.stamp}`)
    if (seen >= 0 && floor && floor.stamp > seen && !isConfirmed && !sameJson(floor.value, value))
      this.#fail(exchange, `${key} = ${JSON.stringify(value)}, sent again, is applied over what was written meanwhile`)
    ledger.assign(value, sub, stamp)
    knowledge.learn(sub, key, { stamp, value })
    const { tab } = exchange.outgoing
    if (!tab || sub === undefined || tab.subs.includes(sub)) return
    tab.hasStrayed = true
    ledger.stray(value)
  }

  /** `held` is a proof only where it is what the request's own cookie had. */
  #held(exchange: Exchange, { own }: Visitor, held: StoreAnswer['held']): void {
    const fields = builds[this.#world.process.build]
    const registers = [...(own?.registers ?? [])].filter(([key]) => key in fields && key !== HIDDEN)
    const expected = registers.map(([key, { stamp }]) => `${key} ${stamp}`).sort()
    const found = held.map(([key, stamp]) => `${key} ${stamp}`).sort()
    if (expected.join() !== found.join())
      this.#fail(exchange, `is told that its cookie held [${found}], though it held [${expected}]`)
  }

  #fail({ browser, user, cookies }: Exchange, what: string): void {
    const whose = cookieIn(cookies, 'live') === undefined ? 'without a cookie' : 'with a cookie'
    this.#world.fail(`POST by browser ${browser.index} (${user ?? 'nobody'}, ${whose}) ${what}`)
  }
}
