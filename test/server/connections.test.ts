import { describe, expect, it, jest } from '@jest/globals'
import { Connection, Connections } from '../../server/connections/connections.js'
import type { Ends } from '../../server/ends/ends.js'
import { GuestMemory } from '../../server/memory/guest-memory.js'
import type { Link } from '../../server/memory/link.js'

const NAME = 'the-guest'

/** A link that `hangUp` does not close immediately: `close` does. */
function openLink() {
  const listeners: (() => void)[] = []
  const hangUp = jest.fn(() => Promise.resolve())
  const link = {
    isOpen: true,
    hangUp,
    onClose: (act: () => void) => void listeners.push(act),
    onPacket: () => undefined,
  } as unknown as Link
  const close = (): void => {
    for (const act of listeners) act()
  }
  return { link, hangUp, close }
}

function start() {
  const connections = new Connections({ watch: () => undefined } as unknown as Ends, new GuestMemory(1_000_000))
  const open = Array.from({ length: 3 }, () => {
    const { link } = openLink()
    const identity = { visitor: { browserSubject: NAME }, cookie: undefined } as unknown as Connection['identity']
    const connection = new Connection(link, { identity, revision: 0, owner: identity.visitor, members: [] })
    connections.add(connection)
    return connection
  })
  const wait = () => {
    const waiter = openLink()
    void connections.waitForRoom(NAME, waiter.link)
    return waiter
  }
  /** Closes an open connection. */
  const free = (): void => connections.remove(open.pop() as Connection)
  return { wait, free }
}

const pass = () => new Promise(setImmediate)

describe('a place that a connection leaves', () => {
  it('goes to a connection that waits and was not called', () => {
    const { wait, free } = start()
    const [first, second] = [wait(), wait()]
    free()
    expect([first.hangUp.mock.calls.length, second.hangUp.mock.calls.length]).toEqual([1, 0])
    free()
    expect([first.hangUp.mock.calls.length, second.hangUp.mock.calls.length]).toEqual([1, 1])
  })

  it('goes to one that waits although an earlier waiter closes late', async () => {
    const { wait, free } = start()
    const first = wait()
    free()
    const second = wait()
    second.close()
    await pass()
    const third = wait()
    first.close()
    await pass()
    free()
    expect(third.hangUp).toHaveBeenCalledTimes(1)
  })

  it('goes to one that waits since another was called', async () => {
    const { wait, free } = start()
    const first = wait()
    free()
    const second = wait()
    first.close()
    await pass()
    free()
    expect([first.hangUp.mock.calls.length, second.hangUp.mock.calls.length]).toEqual([1, 1])
  })
})
