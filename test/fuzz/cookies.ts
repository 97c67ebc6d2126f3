import { cookieFor } from 'koa-live-session/testing'
import { register } from '../support/app/register.js'
import type { Actor } from './actor.js'
import type { Dice } from './dice.js'
import { mutateJson, mutateText } from './mutation.js'
import type { OddValues } from './odd-values.js'
import type { World } from './world.js'

/** Node's limit for all headers is a little larger. */
const LONGEST = 15_000

export type Cookies = ReturnType<typeof cookieSource>

/** Makes Cookie headers: genuine, forged, mutated and malformed. */
export function cookieSource(world: World, oddValues: OddValues) {
  /** The cookie of a guest with values, who signs in. */
  const guestCookie = (dice: Dice): string => {
    const values = { division: dice.below(9), cart: ['own-guest'] }
    return cookieFor(world.app.live, { browserId: dice.browserId('guest'), values })
  }

  const ownCookie = (dice: Dice, { cookies }: Actor): string | undefined => {
    return cookies.length === 0 ? undefined : dice.pick(cookies)
  }

  const anyCookie = (dice: Dice, actor: Actor): string | undefined => {
    const own = ownCookie(dice, actor) ?? signedCookie(dice, actor)
    const header = dice.one<string | undefined>(
      [3, () => ownCookie(dice, actor)],
      [1, () => undefined],
      [5, () => mutateText(dice, own, () => dice.headerText(1))],
      [3, () => editedCookie(dice, own)],
      [3, () => signedCookie(dice, actor)],
      [2, () => world.steal(dice.browserId('stolen'))],
      [2, () => swapped(own, world.steal(dice.browserId('stolen')))],
      [3, () => tossedCookies(dice, own)],
      [2, () => dice.headerText(dice.below(200))],
      [0.05, () => flood(dice)],
    )
    // Trim the header, as Node's parser does.
    return header?.slice(0, LONGEST).replace(/^[ \t]+|[ \t]+$/g, '')
  }

  /** Other content under the signature of the original. */
  const editedCookie = (dice: Dice, cookie: string): string => {
    const [pair = '', signature = ''] = cookie.split('; ')
    const text = pair.slice(pair.indexOf('=') + 1)
    const payload: Readonly<Record<string, unknown>> = JSON.parse(Buffer.from(text, 'base64').toString())
    const victim = dice.pick(world.victims)
    const other = dice.one<unknown>(
      [3, () => ({ ...payload, browser: victim.browser })],
      [2, () => ({ ...payload, user: victim.hashes[0] })],
      [1, () => ({ ...payload, v: dice.pick([0, 2, '1', 1e9, null]) })],
      [1, () => ({ ...payload, r: [['role', world.now, 'admin']] })],
      [2, () => mutateJson(dice, payload, () => oddValues.json(dice))],
    )
    return `live=${encode(other)}; ${signature}`
  }

  /** A cookie with a valid signature of another key, purpose or time. */
  const signedCookie = (dice: Dice, actor: Actor): string => {
    const { confused, expired, foreign, now, victims } = world
    const whose = dice.pick([actor, ...victims])
    const content = {
      browser: whose.browser ?? dice.browserId('unknown'),
      user: whose.userHash,
      epoch: dice.below(2),
      registers: [register('role', now, 'admin')],
    }
    return dice.pick([foreign, confused, expired]).cookie.header(content)
  }

  /** Several cookies with the same name, as a sibling domain can set them. */
  const tossedCookies = (dice: Dice, own: string): string => {
    const pairs = own.split('; ')
    const planted = dice.times(1 + dice.below(8), () =>
      dice.one(
        [2, () => `live=${dice.headerText(dice.below(20))}`],
        [2, () => `live.sig=${dice.headerText(dice.below(20))}`],
        [1, () => dice.pick(pairs)],
        [1, () => `x${dice.pick(pairs)}`],
        [1, () => dice.pick(['xlive=1', 'live', 'live.sig', '=', 'live==', '__Host-live=x', 'live.sig.sig=x', ''])],
        [1, () => signedCookie(dice, world.eve)],
      ),
    )
    const all = dice.chance(0.7) ? [...planted, ...pairs] : planted
    return all.sort(() => dice.next() - 0.5).join(dice.pick(['; ', ';', ';  ', ' ;', ',']))
  }

  return { guest: guestCookie, own: ownCookie, any: anyCookie }
}

/** A cookie's value with another's signature. */
function swapped(own: string, other: string): string {
  return `${other.split('; ')[0]}; ${own.split('; ')[1]}`
}

/** As many cookies of our name as fit into a header, of plausible and other lengths. */
function flood(dice: Dice): string {
  const value = `live=${'e'.repeat(dice.pick([0, 80, 200]))};`
  const signature = `live.sig=${'s'.repeat(dice.pick([0, 43]))};`
  const values = dice.next() * LONGEST
  return value.repeat(values / value.length) + signature.repeat((LONGEST - values) / signature.length)
}

function encode(payload: unknown): string {
  return Buffer.from(JSON.stringify(payload) ?? '').toString('base64')
}
