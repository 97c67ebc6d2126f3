import { toWire } from '../../shared/register.js'
import { register } from '../support/app/register.js'
import { DAY } from '../support/app/times.js'
import type { Actor } from './actor.js'
import type { Dice } from './dice.js'
import { mutateJson, mutateText } from './mutation.js'
import type { OddValues } from './odd-values.js'
import type { World } from './world.js'

export type Tickets = ReturnType<typeof ticketSource>

/** Makes valid and invalid tickets. */
export function ticketSource(world: World, oddValues: OddValues) {
  /** A ticket issued to the actor, or else to another guest. */
  const ownTicket = (dice: Dice, { tickets }: Actor): string => {
    return dice.pick(tickets.length === 0 ? world.cookieless.tickets : tickets)
  }

  const anyTicket = (dice: Dice, actor: Actor): unknown => {
    const own = ownTicket(dice, actor)
    return dice.one<unknown>(
      [6, () => own],
      [2, () => dice.pick(dice.pick(world.victims).tickets)],
      [2, () => dice.pick(world.cookieless.tickets)],
      [4, () => mutateText(dice, own, () => dice.headerText(1))],
      [3, () => editedTicket(dice, own)],
      [3, () => signedTicket(dice, actor)],
      [2, () => swappedTicket(dice, own)],
      [2, () => reencoded(dice, own)],
      [1, () => oddValues.text(dice)],
      [1, () => oddValues.json(dice)],
    )
  }

  /** Other content under a valid signature. */
  const editedTicket = (dice: Dice, ticket: string): string => {
    const [header = '', payload = '', signature = ''] = ticket.split('.')
    const odd = (): unknown => oddValues.json(dice)
    const claims: Readonly<Record<string, unknown>> = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const victim = dice.pick(world.victims)
    const other = dice.one<unknown>(
      [3, () => ({ ...claims, sub: victim.hashes[0] })],
      [2, () => ({ ...claims, changes: [['division', world.now, 13]] })],
      [1, () => ({ ...claims, exp: Number.MAX_SAFE_INTEGER })],
      [1, () => ({ ...claims, epoch: 1 + dice.below(1000) })],
      [1, () => ({ ...claims, [dice.pick(['browser', 'young'])]: victim.hashes.at(-1) })],
      [2, () => mutateJson(dice, claims, odd)],
    )
    const kid = dice.chance(0.5) ? decode(header)['kid'] : oddValues.text(dice)
    const head = dice.one<unknown>(
      [2, () => decode(header)],
      [1, () => ({ alg: 'none', typ: 'live-session+jwt', kid })],
      [1, () => ({ alg: dice.pick(['HS384', 'RS256', 'None', '']), typ: 'live-session+jwt', kid })],
      [1, () => ({ ...decode(header), kid })],
      [1, () => mutateJson(dice, decode(header), odd)],
    )
    const last = dice.one([3, () => signature], [1, () => ''], [1, () => 'A'.repeat(43)])
    return `${encode(head)}.${encode(other)}.${last}`
  }

  /** A ticket with a valid signature of another key, purpose or time. */
  const signedTicket = (dice: Dice, actor: Actor): string => {
    const { core, confused, foreign, now, cookieless } = world
    const sub = dice.pick([...actor.hashes, ...dice.pick(world.victims).hashes, ...cookieless.hashes])
    const content = { sub, epoch: 0, changes: [toWire(register('division', now, 13))] }
    return dice.one(
      [2, () => foreign.tickets.sign(content, now)],
      [1, () => underKid(foreign.tickets.sign(content, now), core.tickets.sign(content, now))],
      [1, () => underKid(confused.tickets.sign(content, now), core.tickets.sign(content, now))],
      [1, () => core.tickets.sign(content, now - 32 * DAY)],
    )
  }

  const swappedTicket = (dice: Dice, own: string): string => {
    const other = dice.pick(dice.pick([...world.victims, ...world.attackers]).tickets)
    const at = dice.below(3)
    return own
      .split('.')
      .with(at, other.split('.')[at] ?? '')
      .join('.')
  }

  return { own: ownTicket, any: anyTicket }
}

/** The same bytes in another encoding. */
function reencoded(dice: Dice, ticket: string): string {
  const parts = ticket.split('.')
  const at = dice.below(3)
  const part = parts[at] ?? ''
  const bytes = Buffer.from(part, 'base64url')
  const other = dice.one(
    [2, () => bytes.toString('base64')],
    [1, () => `${part}=`],
    [1, () => ` ${part}`],
    [1, () => `${part}\n`],
    [1, () => bytes.toString('hex')],
    [1, () => encode(JSON.stringify(part))],
    // The last of 43 characters encodes four bits: three others decode to the same bytes.
    [2, () => part.slice(0, -1) + dice.pick([...'AEIMQUYcgkosw048BCD'])],
  )
  return dice.chance(0.1) ? `${ticket}.${other}` : parts.with(at, other).join('.')
}

/** A ticket with the header of another, which names another key. */
function underKid(ticket: string, other: string): string {
  return ticket
    .split('.')
    .with(0, other.split('.')[0] ?? '')
    .join('.')
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part) ?? '').toString('base64url')
}

function decode(part: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}
