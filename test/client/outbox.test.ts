import { describe, expect, it } from '@jest/globals'
import { createStatusBoard, DEFAULT } from '../../client/status.js'
import { bareOutbox } from '../support/bare-outbox.js'

describe('the outbox', () => {
  it.each([
    ['acknowledged, signed, held', ['ack', 'ticket', 'held']],
    ['acknowledged, held, signed', ['ack', 'held', 'ticket']],
    ['signed, acknowledged, held', ['ticket', 'ack', 'held']],
    ['signed, held, acknowledged', ['ticket', 'held', 'ack']],
    ['held, acknowledged, signed', ['held', 'ack', 'ticket']],
    ['held, signed, acknowledged', ['held', 'ticket', 'ack']],
  ])('saves a change that is %s, in whichever order the news arrives', async (_, order) => {
    const { values, outbox, set, keep, settled } = bareOutbox()
    const draft = set('division', 3)
    const news: Record<string, () => void> = {
      ack: () => outbox.acknowledge(draft, 10),
      ticket: () => keep('t', ['division', 10, 3]),
      held: () => outbox.confirm([['division', 10]]),
    }
    for (const each of order) news[each]?.()
    expect(await settled()).toEqual(['3 saved'])
    expect([outbox.state('division'), values.get('division'), outbox.unsent(), outbox.unsaved() ?? []]).toEqual([
      true,
      3,
      [],
      [],
    ])
    outbox.release(draft, true)
    expect(outbox.unsent()).toEqual([])
  })

  it('lets a change that was never sent stand in for the one before it', async () => {
    const { outbox, put, send, settled } = bareOutbox()
    put('division', 1)
    put('division', 2)
    const second = send('division')
    outbox.acknowledge(second, 10)
    outbox.confirm([['division', 10]])
    expect(await settled()).toEqual(['2 saved', '1 saved'])
  })

  it('sets anew what the browser kept no cookie of, and brings no ticket that may be too old', () => {
    const { outbox, set, keep } = bareOutbox()
    outbox.acknowledge(set('division', 3), 10)
    keep('old', ['division', 10, 3])
    for (let answer = 0; answer < 3; answer += 1) outbox.confirm([], ['old'])
    expect(outbox.state('division')).toBe('cookies_blocked')
    outbox.retry()
    expect([outbox.state('division'), outbox.tickets()]).toEqual([false, []])
    expect(outbox.unsent().map(({ value }) => value)).toEqual([3])
  })

  it('is not done with a key while it waits for what became of it under another subject', () => {
    const { outbox, set, keep } = bareOutbox()
    outbox.acknowledge(set('division', 3), 10)
    keep('t', ['division', 10, 3])
    const inherit = outbox.clear()
    expect([outbox.keys(), outbox.state('division')]).toEqual([['division'], false])
    inherit()
    expect(outbox.state('division')).toBeUndefined()
  })

  it('sends one of two changes after the other, and settles each by what became of it', async () => {
    const { values, outbox, put, send, set, settled } = bareOutbox()
    const first = set('division', 1)
    put('division', 2)
    expect(outbox.unsent()).toEqual([])
    outbox.acknowledge(first, 10)
    expect(values.get('division')).toBe(2)
    outbox.refuse(send('division'), { code: 'invalid_value' })
    expect(values.get('division')).toBe(1)
    outbox.confirm([['division', 10]])
    expect(await settled()).toEqual(['2 invalid_value', '1 saved'])
  })

  it('counts a later write from another place as this one saved', async () => {
    const { values, outbox, set, keep, settled } = bareOutbox()
    const draft = set('division', 1)
    outbox.acknowledge(draft, 10)
    keep('t', ['division', 11, 9])
    outbox.confirm([['division', 11]])
    expect(await settled()).toEqual(['1 saved'])
    expect(values.get('division')).toBe(9)
  })

  it('shows what was just set over what comes from elsewhere, until it is acknowledged', () => {
    const { values, outbox, set, keep } = bareOutbox()
    const draft = set('division', 1)
    keep('t', ['division', 11, 9])
    expect(values.get('division')).toBe(1)
    outbox.acknowledge(draft, 12)
    expect([values.get('division'), values.stamp('division')]).toEqual([1, 12])
  })

  it('keeps the newest ticket of each key', () => {
    const { outbox, keep } = bareOutbox()
    keep('a', ['division', 10, 1], ['cart', 10, []])
    keep('b', ['division', 11, 2])
    keep('late', ['division', 9, 3])
    expect(outbox.tickets()).toEqual(['b', 'a'])
    outbox.confirm([['division', 11]])
    expect(outbox.unsaved() ?? []).toEqual(['a'])
  })

  it('gives up tickets that cannot be saved, and tries again with the next', async () => {
    const { outbox, set, keep, settled } = bareOutbox()
    const draft = set('division', 1)
    outbox.acknowledge(draft, 10)
    keep('a', ['division', 10, 1])
    outbox.fail({ code: 'cookies_blocked' }, 'a')
    expect([outbox.state('division'), outbox.unsaved() ?? []]).toEqual(['cookies_blocked', []])
    keep('b', ['division', 11, 2])
    expect([outbox.state('division'), outbox.unsaved() ?? []]).toEqual([false, ['b']])
    expect(await settled()).toEqual(['1 cookies_blocked'])
  })

  it('leaves nothing to the next subject but what the server let through', async () => {
    const { values, outbox, set, keep, settled } = bareOutbox()
    const kept = set('division', 1)
    outbox.acknowledge(kept, 10)
    keep('a', ['division', 10, 1])
    const lost = set('cart', 7)
    outbox.acknowledge(lost, 11)
    set('other', 5)
    const inherit = outbox.clear()
    expect([values.get('division'), values.get('cart'), outbox.tickets(), outbox.unsent()]).toEqual([-1, [], [], []])
    keep('b', ['division', 1, 1])
    inherit()
    outbox.confirm([['division', 1]])
    expect(await settled()).toEqual(['5 superseded', '7 superseded', '1 saved'])
  })
})

describe('the outbox, of what others know better', () => {
  it('shows a change as the server has stored it, where the schema made something else of it', () => {
    const { values, outbox, set, keep } = bareOutbox()
    const draft = set('division', 9)
    keep('t', ['division', 10, 5])
    outbox.acknowledge(draft, 10)
    expect(values.get('division')).toBe(5)
  })

  it.each([[-1], [undefined]])(
    'settles a change to %s where the next subject has never had another value',
    async (value) => {
      const { outbox, set, settled } = bareOutbox()
      outbox.acknowledge(set('division', value), 10)
      outbox.clear()()
      expect(await settled()).toEqual([`${value} saved`])
    },
  )

  it('does not supersede what was set after the subject has changed', async () => {
    const { outbox, set, keep, settled } = bareOutbox()
    const inherit = outbox.clear()
    const draft = set('division', 3)
    inherit()
    keep('t', ['division', 10, 3])
    outbox.acknowledge(draft, 10)
    outbox.confirm([['division', 10]])
    expect(await settled()).toEqual(['3 saved'])
  })

  it('is undecided about what may come along to the next subject, until it was offered', () => {
    const { outbox, set } = bareOutbox()
    outbox.acknowledge(set('division', 3), 10)
    const inherit = outbox.clear()
    expect(outbox.state('division')).toBe(false)
    inherit()
    expect(outbox.state('division')).toBeUndefined()
  })

  it('gives up everything, and goes back to what was there', async () => {
    const { values, outbox, put, set, keep, settled } = bareOutbox()
    outbox.acknowledge(set('cart', ['a']), 10)
    keep('a', ['cart', 10, ['a']])
    keep('b', ['division', 9, 4])
    outbox.confirm([['division', 9]])
    set('division', 5)
    put('division', 6)
    outbox.fail({ code: 'other_subject' })
    expect([outbox.unsent(), outbox.unsaved() ?? [], values.get('division'), values.get('cart')]).toEqual([
      [],
      [],
      4,
      ['a'],
    ])
    expect(await settled()).toEqual(['a other_subject', '5 other_subject', '6 other_subject'])
  })

  it('lets the status tell that a key is not under way any more where the subject has changed', () => {
    const { outbox, set } = bareOutbox()
    const board = createStatusBoard(
      outbox,
      () => false,
      () => DEFAULT,
    )
    const heard: string[] = []
    board.onStatus((key, { status }) => heard.push(`${key} ${status}`))
    set('division', 3)
    board.refresh()
    outbox.clear()
    board.refresh()
    expect(heard).toEqual(['division saving', 'division default'])
  })
})
