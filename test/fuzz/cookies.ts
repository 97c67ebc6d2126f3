import { cookieFor } from 'koa-live-session/testing'
import { register } from '../support/app/register.js'
import type { Actor } from './actor.js'
import type { Dice } from './dice.js'
import { mutateJson, mutateText } from './mutation.js'
import type { OddValues } from './odd-values.js'
import type { World } from './world.js'

/** What Node lets through of a header, all fields together. */
const LONGEST = 15_000

/** Makes what a browser, or a program that pretends to be one, may send for a Cookie header. */
export class CookieSource {
  readonly #world: World
  readonly #odd: OddValues

  constructor(world: World, odd: OddValues) {
    this.#world = world
    this.#odd = odd
  }

  /** Of a visitor who has chosen something as a guest, and signs in now. */
  guest(dice: Dice): string {
    const values = { division: dice.below(9), cart: ['own-guest'] }
    return cookieFor(this.#world.app.live, { browserId: dice.browserId('guest'), values })
  }

  own(dice: Dice, { cookies }: Actor): string | undefined {
    return cookies.length === 0 ? undefined : dice.pick(cookies)
  }

  any(dice: Dice, actor: Actor): string | undefined {
    const own = this.own(dice, actor) ?? this.#signed(dice, actor)
    const header = dice.one<string | undefined>(
      [3, () => this.own(dice, actor)],
      [1, () => undefined],
      [5, () => mutateText(dice, own, () => dice.headerText(1))],
      [3, () => this.#edited(dice, own)],
      [3, () => this.#signed(dice, actor)],
      [2, () => this.#world.steal(dice.browserId('stolen'))],
      [2, () => swapped(own, this.#world.steal(dice.browserId('stolen')))],
      [3, () => this.#tossed(dice, own)],
      [2, () => dice.headerText(dice.below(200))],
      [0.05, () => flood(dice)],
    )
    // As Node's parser hands it over.
    return header?.slice(0, LONGEST).replace(/^[ \t]+|[ \t]+$/g, '')
  }

  /** Says something else under a signature that was good. */
  #edited(dice: Dice, cookie: string): string {
    const [pair = '', signature = ''] = cookie.split('; ')
    const text = pair.slice(pair.indexOf('=') + 1)
    const payload: Readonly<Record<string, unknown>> = JSON.parse(Buffer.from(text, 'base64').toString())
    const victim = dice.pick(this.#world.victims)
    const other = dice.one<unknown>(
      [3, () => ({ ...payload, browser: victim.browser })],
      [2, () => ({ ...payload, user: victim.hashes[0] })],
      [1, () => ({ ...payload, v: dice.pick([0, 2, '1', 1e9, null]) })],
      [1, () => ({ ...payload, r: [['role', this.#world.now, 'admin']] })],
      [2, () => mutateJson(dice, payload, () => this.#odd.json(dice))],
    )
    return `live=${encode(other)}; ${signature}`
  }

  /** Properly signed, but not by us, not for this, or not in time. */
  #signed(dice: Dice, actor: Actor): string {
    const { confused, expired, foreign, now, victims } = this.#world
    const whose = dice.pick([actor, ...victims])
    const content = {
      browser: whose.browser ?? dice.browserId('unknown'),
      user: whose.userHash,
      epoch: dice.below(2),
      registers: [register('role', now, 'admin')],
    }
    return dice.pick([foreign, confused, expired]).cookie.header(content)
  }

  /** Several cookies of one name, as a sibling domain can plant them. */
  #tossed(dice: Dice, own: string): string {
    const pairs = own.split('; ')
    const planted = dice.times(1 + dice.below(8), () =>
      dice.one(
        [2, () => `live=${dice.headerText(dice.below(20))}`],
        [2, () => `live.sig=${dice.headerText(dice.below(20))}`],
        [1, () => dice.pick(pairs)],
        [1, () => `x${dice.pick(pairs)}`],
        [1, () => dice.pick(['xlive=1', 'live', 'live.sig', '=', 'live==', '__Host-live=x', 'live.sig.sig=x', ''])],
        [1, () => this.#signed(dice, this.#world.eve)],
      ),
    )
    const all = dice.chance(0.7) ? [...planted, ...pairs] : planted
    return all.sort(() => dice.next() - 0.5).join(dice.pick(['; ', ';', ';  ', ' ;', ',']))
  }
}

/** The signature of one under the value of another. */
function swapped(own: string, other: string): string {
  return `${other.split('; ')[0]}; ${own.split('; ')[1]}`
}

/** As many cookies of our name as a header can hold, of lengths that say nothing or could say something. */
function flood(dice: Dice): string {
  const value = `live=${'e'.repeat(dice.pick([0, 80, 200]))};`
  const signature = `live.sig=${'s'.repeat(dice.pick([0, 43]))};`
  const values = dice.next() * LONGEST
  return value.repeat(values / value.length) + signature.repeat((LONGEST - values) / signature.length)
}

function encode(payload: unknown): string {
  return Buffer.from(JSON.stringify(payload) ?? '').toString('base64')
}
