import { describe, expect, it } from '@jest/globals'
import { createOutbox, type Draft } from '../../client/outbox.js'
import { createValues } from '../../client/values.js'
import type { TicketClaims } from '../../shared/protocol.js'
import type { WireRegister } from '../../shared/register.js'

function make() {
  const values = createValues()
  values.setDefaults({ division: -1, cart: [] })
  const outbox = createOutbox(values)
  const outcomes: string[] = []
  const set = (key: string, value: number | undefined): Draft => {
    outbox.set(key, value).then(
      () => outcomes.push(`${value} saved`),
      ({ code }) => outcomes.push(`${value} ${code}`),
    )
    const draft = outbox.unsent().find((one) => one.key === key)
    if (!draft) throw new Error('no draft')
    return draft
  }
  const keep = (ticket: string, ...changes: WireRegister[]): void =>
    outbox.keep(ticket, { changes } as unknown as TicketClaims)
  const settled = async (): Promise<string[]> => {
    await new Promise((resolve) => setTimeout(resolve))
    return outcomes
  }
  return { values, outbox, set, keep, settled }
}

describe('the outbox', () => {
  it.each([
    ['acknowledged, signed, held', ['ack', 'ticket', 'held']],
    ['acknowledged, held, signed', ['ack', 'held', 'ticket']],
    ['signed, acknowledged, held', ['ticket', 'ack', 'held']],
    ['signed, held, acknowledged', ['ticket', 'held', 'ack']],
    ['held, acknowledged, signed', ['held', 'ack', 'ticket']],
    ['held, signed, acknowledged', ['held', 'ticket', 'ack']],
  ])('saves a change that is %s, in whichever order the news arrives', async (_, order) => {
    const { values, outbox, set, keep, settled } = make()
    const draft = set('division', 3)
    draft.isSent = true
    const news: Record<string, () => void> = {
      ack: () => outbox.acknowledge(draft, 10),
      ticket: () => keep('t', ['division', 10, 3]),
      held: () => outbox.held([['division', 10]]),
    }
    for (const each of order) news[each]?.()
    expect(await settled()).toEqual(['3 saved'])
    expect([outbox.state('division'), values.get('division'), outbox.unsent(), outbox.tickets(true)]).toEqual([
      true,
      3,
      [],
      [],
    ])
    outbox.unsend()
    expect(outbox.unsent()).toEqual([])
  })

  it('lets a change that was never sent stand in for the one before it', async () => {
    const { outbox, set, settled } = make()
    set('division', 1)
    const second = set('division', 2)
    expect(outbox.unsent()).toEqual([second])
    outbox.acknowledge(second, 10)
    outbox.held([['division', 10]])
    expect(await settled()).toEqual(['1 saved', '2 saved'])
  })

  it('settles each of two changes that were both sent by what became of it', async () => {
    const { values, outbox, set, settled } = make()
    const first = set('division', 1)
    first.isSent = true
    const second = set('division', 2)
    second.isSent = true
    outbox.acknowledge(first, 10)
    expect(values.get('division')).toBe(2)
    outbox.refuse(second, 'invalid_value')
    expect(values.get('division')).toBe(1)
    outbox.held([['division', 10]])
    expect(await settled()).toEqual(['2 invalid_value', '1 saved'])
  })

  it('counts a later write of somebody else as this one saved', async () => {
    const { values, outbox, set, keep, settled } = make()
    const draft = set('division', 1)
    outbox.acknowledge(draft, 10)
    keep('t', ['division', 11, 9])
    outbox.held([['division', 11]])
    expect(await settled()).toEqual(['1 saved'])
    expect(values.get('division')).toBe(9)
  })

  it('shows what was just set over what comes from elsewhere, until it is acknowledged', () => {
    const { values, outbox, set, keep } = make()
    const draft = set('division', 1)
    keep('t', ['division', 11, 9])
    expect(values.get('division')).toBe(1)
    outbox.acknowledge(draft, 12)
    expect([values.get('division'), values.stamp('division')]).toEqual([1, 12])
  })

  it('keeps the newest ticket of each key', () => {
    const { outbox, keep } = make()
    keep('a', ['division', 10, 1], ['cart', 10, []])
    keep('b', ['division', 11, 2])
    keep('late', ['division', 9, 3])
    expect(outbox.tickets()).toEqual(['b', 'a'])
    outbox.held([['division', 11]])
    expect(outbox.tickets(true)).toEqual(['a'])
  })

  it('gives up tickets that cannot be saved, and tries again with the next', async () => {
    const { outbox, set, keep, settled } = make()
    const draft = set('division', 1)
    outbox.acknowledge(draft, 10)
    keep('a', ['division', 10, 1])
    outbox.fail(['a'], 'cookies_blocked')
    expect([outbox.state('division'), outbox.tickets(true)]).toEqual(['cookies_blocked', []])
    keep('b', ['division', 11, 2])
    expect([outbox.state('division'), outbox.tickets(true)]).toEqual([false, ['b']])
    expect(await settled()).toEqual(['1 cookies_blocked'])
  })

  it('leaves nothing to whoever comes next, but what the server let through', async () => {
    const { values, outbox, set, keep, settled } = make()
    const kept = set('division', 1)
    outbox.acknowledge(kept, 10)
    keep('a', ['division', 10, 1])
    const lost = set('cart', 7)
    outbox.acknowledge(lost, 11)
    set('other', 5)
    outbox.clear()
    expect([values.get('division'), values.get('cart'), outbox.tickets(), outbox.unsent()]).toEqual([-1, [], [], []])
    keep('b', ['division', 1, 1])
    outbox.inherit()
    outbox.held([['division', 1]])
    expect(await settled()).toEqual(['5 superseded', '7 superseded', '1 saved'])
  })
})
