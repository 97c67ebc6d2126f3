import { describe, expect, it } from '@jest/globals'
import { bareOutbox } from '../support/bare-outbox.js'

describe('the outbox, of two changes of one key', () => {
  it('saves the former along with the latter where the answer to the former was lost', async () => {
    const { outbox, put, send, set, keep, settled } = bareOutbox()
    const first = set('division', 1)
    put('division', 2)
    outbox.release(first, true)
    const second = send('division')
    keep('t', ['division', 10, 2])
    outbox.acknowledge(second, 10)
    outbox.confirm([['division', 10]])
    expect(await settled()).toEqual(['2 saved', '1 saved'])
  })

  it('asks for the latter to be applied whatever is there, where it may be the former', () => {
    const { outbox, put, send, set, keep } = bareOutbox()
    const first = set('division', 1)
    put('division', 2)
    outbox.release(first, true)
    outbox.release(send('division'), true)
    keep('t', ['division', 10, 1])
    const [second] = outbox.unsent()
    expect(second && outbox.dispatch(second)).toEqual(['division', -1, 2])
  })

  it('says what it knew at the first sending where the answer to that was lost, and not where it was refused', () => {
    const { outbox, set, keep } = bareOutbox()
    keep('a', ['division', 10, 1])
    const draft = set('division', 2)
    keep('b', ['division', 11, 3])
    outbox.release(draft, false)
    expect(outbox.dispatch(draft)).toEqual(['division', -1, 2])
    keep('c', ['division', 12, 4])
    outbox.release(draft, true)
    expect(outbox.dispatch(draft)).toEqual(['division', 11, 2])
  })

  it('goes on saving the former where the latter was refused', async () => {
    const { outbox, put, send, set, keep, settled } = bareOutbox()
    const first = set('division', 1)
    put('division', 'x')
    keep('t', ['division', 10, 1])
    outbox.acknowledge(first, 10)
    outbox.refuse(send('division'), { code: 'invalid_value' })
    expect(outbox.unsaved() ?? []).toEqual(['t'])
    outbox.confirm([['division', 10]])
    expect(await settled()).toEqual(['x invalid_value', '1 saved'])
  })

  it('goes on saving the latter where the former was refused', () => {
    const { outbox, put, send, set, keep } = bareOutbox()
    const first = set('division', 1)
    put('division', 2)
    outbox.refuse(first, { code: 'superseded' })
    const second = send('division')
    keep('t', ['division', 10, 2])
    outbox.acknowledge(second, 10)
    expect([outbox.unsaved() ?? [], outbox.state('division')]).toEqual([['t'], false])
  })
})
