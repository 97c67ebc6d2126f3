import { sameJson } from '../../shared/json.js'
import type { StoreAnswer, WireChange } from '../../shared/protocol.js'
import type { Exchange } from './browser.js'
import { builds, HIDDEN, OWN } from './builds.js'
import type { FakeResponse } from './http.js'
import { redeemed } from './redemption.js'
import { type CookieState, cookieIn } from './registers.js'
import type { RequestChecker, Visit } from './requests.js'
import type { Harm } from './tally.js'
import type { World } from './world.js'

interface Posted {
  readonly tickets?: readonly string[]
  readonly set?: readonly WireChange[]
  readonly subject?: string
}

/** Checks what came of a POST to the endpoint. */
export class PostChecker {
  readonly #world: World
  readonly #requests: RequestChecker

  constructor(world: World, requests: RequestChecker) {
    this.#world = world
    this.#requests = requests
  }

  answered(exchange: Exchange): void {
    const { response, outgoing } = exchange
    if (!response) return
    if (!exchange.isRecognized) {
      this.#refusedUnseen(exchange, response)
      return
    }
    const visit = this.#requests.begin(exchange)
    const { identity, own, former } = visit
    if (response.statusCode === 200) {
      this.#requests.due(exchange)
      const { tickets = [], set = [] }: Posted = JSON.parse(outgoing.body ?? '{}')
      const answer: Partial<StoreAnswer> = JSON.parse(response.body)
      const before = { user: identity.user, browser: own?.browser }
      const redeemer = { before, former, isFirst: own?.isFirst ?? false, after: identity }
      const wrong = redeemed(this.#world, redeemer, tickets)
      if (wrong !== undefined) this.#fail(exchange, wrong, 'foreign')
      for (const change of set) this.#wrote(exchange, visit, change, answer.stamp ?? 0)
      this.#held(exchange, own, answer.held ?? [])
    }
    this.#requests.answered(exchange, false)
  }

  /** A page that says whose it is, where the browser's cookie is another's: its id is not even given up. */
  #refusedUnseen(exchange: Exchange, { statusCode, body }: FakeResponse): void {
    const { cookies, user, outgoing, written } = exchange
    const cookie = this.#world.cookie(cookies)
    const isOwn =
      cookie?.user === this.#world.subOf(user) && cookie !== undefined && this.#world.knowledge.isGood(cookie)
    const { subject }: Posted = JSON.parse(outgoing.body ?? '{}')
    if (statusCode !== 403 || !body.includes('other_subject') || subject === undefined || isOwn || !cookie)
      this.#fail(exchange, `is answered ${statusCode} ${body}`)
    if (written) this.#fail(exchange, 'is refused with a cookie')
  }

  #wrote(
    exchange: Exchange,
    { identity: { user, browser } }: Visit,
    [key, seen, value]: WireChange,
    stamp: number,
  ): void {
    const { knowledge, ledger } = this.#world
    const sub = key === OWN ? browser : (user ?? browser)
    const floor = knowledge.floor(sub, key)
    const isConfirmed = seen >= 0 && floor?.stamp === stamp
    if (floor && stamp <= floor.stamp && !isConfirmed)
      this.#fail(exchange, `${key}: the later write got stamp ${stamp} after ${floor.stamp}`)
    if (seen >= 0 && floor && floor.stamp > seen && !isConfirmed && !sameJson(floor.value, value))
      this.#fail(
        exchange,
        `${key} = ${JSON.stringify(value)}, sent again, is applied over what was written meanwhile`,
        'lost',
      )
    ledger.assign(value, sub, stamp)
    knowledge.learn(sub, key, { stamp, value })
    const { tab } = exchange.outgoing
    if (!tab || sub === undefined || tab.subs.includes(sub)) return
    tab.hasStrayed = true
    ledger.stray(value)
  }

  /** `held` is a proof only where it is what the request's own cookie had. */
  #held(exchange: Exchange, own: CookieState | undefined, held: StoreAnswer['held']): void {
    const fields = builds[this.#world.process.build]
    const registers = [...(own?.registers ?? [])].filter(([key]) => key in fields && key !== HIDDEN)
    const expected = registers.map(([key, { stamp }]) => `${key} ${stamp}`).sort()
    const found = held.map(([key, stamp]) => `${key} ${stamp}`).sort()
    if (expected.join() !== found.join())
      this.#fail(exchange, `is told that its cookie held [${found}], though it held [${expected}]`)
  }

  #fail({ browser, user, cookies }: Exchange, what: string, harm?: Harm): void {
    const whose = cookieIn(cookies, 'live') === undefined ? 'without a cookie' : 'with a cookie'
    this.#world.fail(`POST by browser ${browser.index} (${user ?? 'guest'}, ${whose}) ${what}`, harm)
  }
}
